# docker build -t pioneer .
# docker run --rm -v "$PWD/data:/data" pioneer train --data /data/photos --run /data/runs/photos --resolution 64
FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl xz-utils make cmake g++ libtorch-dev libgloo-dev libopenblas0-openmp
# Debian's Node is too old.
ARG NODE=22.12.0
RUN case "$(dpkg --print-architecture)" in amd64) ARCH=x64 ;; arm64) ARCH=arm64 ;; *) exit 1 ;; esac \
 && curl -fsSL "https://nodejs.org/dist/v$NODE/node-v$NODE-linux-$ARCH.tar.xz" | tar -xJ --strip-components 1 -C /usr/local
WORKDIR /pioneer
COPY . .
RUN make build && rm -rf .cache

FROM build
RUN useradd --create-home pioneer && mkdir /data && chown pioneer /data
USER pioneer
WORKDIR /data
# exec form: `docker stop` sends SIGTERM to the command, which then writes a checkpoint; give it time with --time 120.
ENTRYPOINT ["node", "/pioneer/packages/pioneer/bin/pioneer.js"]
CMD ["--help"]
