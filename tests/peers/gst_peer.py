"""GStreamer's webrtcbin as a WHIP publisher and a WHEP listener: `gst_peer.py publish|listen URL ...`.

It runs with the system's Python, which has GStreamer's bindings. It speaks WHIP by hand, since the
GStreamer of Debian 12 has no element for it: one offer, one answer.

    publish URL FREQUENCY    sends a tone
    listen URL FILE          writes what it hears, 16 bits, one channel, 48 kHz, while it comes
"""

import sys
import urllib.request
from collections.abc import Callable

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

_RTP = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000"
_OPUS = f"{_RTP},encoding-params=(string)2"
_HEARD = "audio/x-raw,format=S16LE,rate=48000,channels=1"


class Peer:
    """One webrtcbin with one audio section."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = GLib.MainLoop()

    def publish(self, frequency: str) -> None:
        """Send a tone until killed."""
        pipeline = Gst.parse_launch(
            f"audiotestsrc is-live=true wave=sine volume=0.35 freq={frequency} "
            "! audio/x-raw,rate=48000,channels=1 ! opusenc bitrate=64000 ! rtpopuspay pt=111 "
            f"! {_OPUS} ! webrtcbin name=web bundle-policy=max-bundle"
        )
        self._run(pipeline)

    def listen(self, path: str) -> None:
        """Write what comes until killed."""
        pipeline = Gst.Pipeline()
        web = Gst.ElementFactory.make("webrtcbin", "web")
        web.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        pipeline.add(web)

        def hear(_: Gst.Element, pad: Gst.Pad) -> None:
            ear = Gst.parse_bin_from_description(
                "rtpopusdepay ! opusdec plc=true use-inband-fec=true ! audioconvert ! audioresample "
                f"! {_HEARD} ! filesink location={path} buffer-mode=unbuffered sync=false",
                True,
            )
            pipeline.add(ear)
            ear.sync_state_with_parent()
            pad.link(ear.get_static_pad("sink"))

        web.connect("pad-added", hear)
        recvonly = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self._run(pipeline, lambda: web.emit("add-transceiver", recvonly, Gst.Caps.from_string(_OPUS)))

    def _run(self, pipeline: Gst.Pipeline, begin: Callable[[], object] = lambda: None) -> None:
        self._web = pipeline.get_by_name("web")
        self._web.connect("on-negotiation-needed", self._offer)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self._fail)
        begin()
        pipeline.set_state(Gst.State.PLAYING)
        self._loop.run()

    def _offer(self, web: Gst.Element) -> None:
        def created(promise: Gst.Promise) -> None:
            reply = promise.get_reply()  # it owns the offer: not to be let go before
            offer = reply.get_value("offer")
            web.emit("set-local-description", offer, Gst.Promise.new_with_change_func(described))

        def described(_: Gst.Promise) -> None:
            # Its own candidates are of no use to a server, and gathering may wait for a router's answer.
            GLib.idle_add(self._exchange)

        web.emit("create-offer", None, Gst.Promise.new_with_change_func(created))

    def _exchange(self) -> bool:
        offer = self._web.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(self._url, offer.encode(), {"Content-Type": "application/sdp"})
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = response.read()
        _, sdp = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer, sdp)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self._web.emit("set-remote-description", description, Gst.Promise.new())
        return False

    def _fail(self, _: Gst.Bus, message: Gst.Message) -> None:
        print(message.parse_error(), file=sys.stderr, flush=True)
        self._loop.quit()


def main() -> None:
    action, url, what = sys.argv[1:]
    Gst.init(None)
    peer = Peer(url)
    if action == "publish":
        peer.publish(what)
    else:
        peer.listen(what)


if __name__ == "__main__":
    main()
