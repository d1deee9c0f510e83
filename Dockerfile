# The one image of all parts: `docker build -t tally .`. FUNCTION, else the name of the Knative Service, says which part
# a container is. Pinned by tag; to pin for good, append `@sha256:…` as `docker buildx imagetools inspect TAG` gives it.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# With the development dependencies, one of which makes the bundle; build.ts takes along only those of the run time.
RUN npm ci --ignore-scripts
COPY . .
RUN node image/build.ts /image

# Node and what it needs: no shell, no package manager. Its own user is 65532.
FROM gcr.io/distroless/nodejs24-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tally" \
      org.opencontainers.image.description="Exactly-once sums on Knative" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="gcr.io/distroless/nodejs24-debian12:nonroot"
WORKDIR /app
# Owned by root: the program may read itself and no more.
COPY --from=build /image ./
# Files of a container are new each time it starts, so a compile cache would be written and never read.
ENV NODE_ENV=production \
    NODE_DISABLE_COMPILE_CACHE=1 \
    PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
USER 65532:65532
EXPOSE 8080
# Node itself is process 1, so that SIGTERM reaches it.
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["dist/start.js"]
