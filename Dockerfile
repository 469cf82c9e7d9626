# One image for every role and command:
#   fedispace serve                              everything in one container
#   fedispace serve --role web|worker|sfu        one part of it
#   fedispace init | migrate | user create ...   the operator's commands
# It needs a glibc base: the wheels for audio and cryptography are made for it, and nothing is compiled.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/fedispace
COPY requirements/extras.lock requirements/
RUN /opt/fedispace/bin/pip install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary=:all: --requirement requirements/extras.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY fedispace fedispace
RUN /opt/fedispace/bin/pip install --no-cache-dir --disable-pip-version-check \
      --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="fedispace" \
      org.opencontainers.image.description="A federated server for threads and live audio Spaces" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"

# /data holds the configuration and, with SQLite, the database; /run/fedispace the control socket
# when web and SFU are containers of their own.
RUN groupadd --system --gid 10001 fedispace \
 && useradd --system --no-log-init --uid 10001 --gid fedispace --home-dir /data \
      --shell /usr/sbin/nologin fedispace \
 && install --directory --owner=fedispace --group=fedispace --mode=0700 /data /run/fedispace
COPY --from=build /opt/fedispace /opt/fedispace

ENV PATH="/opt/fedispace/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FEDISPACE_CONFIG=/data/config.toml \
    FEDISPACE__SERVER__LISTEN=0.0.0.0:8080
WORKDIR /data
USER fedispace
EXPOSE 8080/tcp 7882/udp 7882/tcp

# Asks for something that is read from the database. Containers of the roles worker and sfu answer no
# HTTP: switch it off there.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=4).close()"]

ENTRYPOINT ["fedispace"]
CMD ["serve"]
