"""Sound, now: a selective forwarding unit in a process of its own.

    browser --SRTP--> port -> path -> session -> room -> fan-out --SRTP--> browsers
                                         ^
    web process --------control socket---+   (client.py, protocol.py, grants.py; no WebRTC in there)

The web process imports `client`, `grants`, `settings` and `supervisor`; everything that touches
pyOpenSSL or pylibsrtp lives in `certificate`, `handshake`, `farewell`, `dtls`, `fanout`, in the SFU only.
"""
