"""An asyncio program that answers a call by itself: a Peer, a plan, and no web server.

Offer and answer travel however you like; here they are passed from one end of the program to the other. The caller is
aiortc's, and hums; it hears itself.

    python examples/peer_without_http.py
"""

from __future__ import annotations

import asyncio
import json

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from livegraph import Graph
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut


async def main() -> None:
    """One call, from its offer to its goodbye."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    plan = graph.plan()

    caller = RTCPeerConnection()
    caller.addTrack(AudioStreamTrack())
    channel = caller.createDataChannel("livegraph")
    await caller.setLocalDescription(await caller.createOffer())

    peer = await Peer.accept(caller.localDescription.sdp)
    await caller.setRemoteDescription(RTCSessionDescription(peer.answer.sdp, peer.answer.type))

    call = plan.call(resources={Peer: peer}, identity="example")
    running = asyncio.create_task(call.run())
    await peer.connected()
    print(f"connected: {call.identity}")
    peer.send({"type": "greeting", "text": "hello"})
    await asyncio.sleep(1.0)
    channel.send(json.dumps({"type": "hangup"}))
    await running
    print(f"over: {call.reason}")
    await peer.close("the call is over")
    await caller.close()


if __name__ == "__main__":
    asyncio.run(main())
