# syntax=docker/dockerfile:1
# The gateway's image: one binary on a slim base. It runs as user 1001 with a
# read-only root; only /data is written. The base is a build argument so that a
# site may use its own mirror.
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0
RUN CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ferris-sql ./cmd/ferris-sql

FROM ${BASE_IMAGE}
COPY --from=build /out/ferris-sql /usr/local/bin/ferris-sql
RUN groupadd --gid 1001 ferris \
 && useradd --uid 1001 --gid 1001 --no-create-home --shell /usr/sbin/nologin ferris \
 && install -d -o 1001 -g 1001 /data
USER 1001:1001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 7432 8080
ENTRYPOINT ["/usr/local/bin/ferris-sql"]
CMD ["serve", "--listen", "0.0.0.0:7432", "--http", "0.0.0.0:8080", "--data-dir", "/data", "--insecure-trust-remote"]
