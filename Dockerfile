# The CPU image reads texts; with EXTRAS=[scan] it scans too, on a GPU where the host's driver is passed through:
#   docker build --build-arg EXTRAS=[scan] --build-arg TORCH=https://download.pytorch.org/whl/cu130 .
FROM python:3.13-slim

ARG EXTRAS=""
ARG TORCH=https://download.pytorch.org/whl/cpu

WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --extra-index-url "${TORCH}" ".${EXTRAS}" \
    && rm -rf /build \
    && useradd --uid 1000 --create-home reader

USER 1000
WORKDIR /data
ENTRYPOINT ["gradsentry"]
CMD ["--help"]
