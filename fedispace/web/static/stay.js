// A reply is written without leaving the room.

export function stay(root, sent) {
  root.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.closest("[data-stay]") || event.defaultPrevented) return;
    // "More ways to post" and "Add another post" are no sending.
    if (event.submitter && !event.submitter.matches("[data-send]")) return;
    event.preventDefault();
    const send = form.querySelector("[data-send]");
    send.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "X-Piece": "stay" },
      });
      form.querySelector(".notice.bad")?.remove();
      if (!answer.ok) throw new Error((await answer.text()) || "It was not sent. Try again.");
      form.querySelectorAll(".part").forEach((part, index) => { if (index) part.remove(); });
      form.querySelector("textarea").value = "";
      form.elements.key.value = answer.headers.get("X-Next-Key") ?? "";
      form.dispatchEvent(new Event("input", { bubbles: true }));
      sent();
    } catch (error) {
      const notice = document.createElement("p");
      notice.className = "notice bad";
      notice.setAttribute("role", "alert");
      notice.textContent = error.message;
      form.prepend(notice);
    } finally {
      send.disabled = false;
    }
  });
}
