# The image of lodbrain, with Docker (BuildKit) or Podman; docs/containers.md says more.
#   docker build -t lodbrain .
#   docker build -t lodbrain:gpu --build-arg VARIANT=gpu .
#   docker build -t lodbrain --network=none --build-context wheels=DIR --build-context weights=DIR .
ARG BASE_IMAGE=python:3.12.11-slim-bookworm

# Folders of the machine that builds, empty unless named with --build-context.
FROM scratch AS wheels
FROM scratch AS weights

FROM ${BASE_IMAGE} AS dependencies
# cpu: OpenVINO alone; keras: Keras on TensorFlow too; gpu: and CUDA's libraries.
ARG VARIANT=cpu
# Of pyproject.toml, with blanks between: "mesh plots".
ARG EXTRAS=""
COPY containers/ pyproject.toml /build/
RUN --mount=type=bind,from=wheels,target=/wheels \
    /build/install.sh dependencies /build/pyproject.toml ${VARIANT} ${EXTRAS}

FROM ${BASE_IMAGE} AS wheel
COPY containers/install.sh /build/
COPY . /source
RUN --mount=type=bind,from=wheels,target=/wheels \
    /build/install.sh wheel /source /dist

FROM ${BASE_IMAGE}
COPY --from=dependencies /opt/lodbrain /opt/lodbrain
# 1: the LOD-Brain authors' weights are downloaded while building; 0: not.
ARG FETCH_WEIGHTS=1
RUN --mount=type=bind,from=wheel,target=/from-wheel \
    --mount=type=bind,from=weights,target=/given \
    /from-wheel/build/install.sh lodbrain /from-wheel/dist ${FETCH_WEIGHTS}
ARG VERSION=0.1.0
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="lodbrain" \
      org.opencontainers.image.description="Brain-MRI segmentation from one command" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Nothing is written outside the folders that are mounted: any user, a read-only root, no HOME.
ENV PATH=/opt/lodbrain/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    LODBRAIN_WEIGHTS=/opt/lodbrain/weights \
    LODBRAIN_CONTAINER=lodbrain:${VERSION}
USER 65532:65532
ENTRYPOINT ["lodbrain"]
CMD ["--help"]
