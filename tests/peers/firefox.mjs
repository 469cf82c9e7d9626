// A page in Firefox ESR, for as long as the process runs.
import puppeteer from "puppeteer-core";

export async function open(preferences = {}) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX || "/usr/bin/firefox-esr",
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0,
      ...preferences,
    },
  });
  const stop = async () => {
    await browser.close();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.log(`script error: ${error}`));
  page.on("console", (message) => console.log(`console: ${message.text()}`));
  return page;
}
