"""nginx in front of a server: it ends TLS on the host's own address and passes everything on.

Its access log records the signature headers, so it is also the trace of the wire.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.ground.ca import Certificate
from tests.ground.process import Process

_CONFIGURATION = """\
{user}
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    log_format wire '$remote_addr $status "$request" accept="$http_accept" signature="$http_signature" '
                    'input="$http_signature_input" digest="$http_digest$http_content_digest"';
    access_log {home}/access.log wire;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream application {{ {upstreams} }}
    server {{
        listen {address}:443 ssl;
        server_name {name};
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        client_max_body_size 50m;
        location / {{
            proxy_pass http://application;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 120s;
            proxy_buffering off;
        }}
    }}
}}
"""


class Nginx:
    """TLS for one named host."""

    def __init__(
        self,
        *,
        name: str,
        address: str,
        upstreams: Sequence[str],
        certificate: Certificate,
        home: Path,
        is_root: bool,
    ) -> None:
        home.mkdir(parents=True)
        self.access_log = home / "access.log"
        configuration = home / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user="user root;" if is_root else "",
                home=home,
                name=name,
                address=address,
                upstreams=" ".join(f"server {upstream};" for upstream in upstreams),
                chain=certificate.chain,
                key=certificate.key,
            )
        )
        command = ["nginx", "-p", str(home), "-c", str(configuration), "-e", str(home / "error.log")]
        self._process = Process(command, log=home / "nginx.log")
        self._process.until_listening(address, 443)

    def stop(self) -> None:
        self._process.stop()
