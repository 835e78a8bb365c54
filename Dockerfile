# The assistant with an exported model, served by an unprivileged user from files it cannot change.
# /guide holds the guide; /data the index, the answers and the keys. Mount your own.

FROM python:3.11-slim AS build
# PyTorch's CPU build: PyPI's brings several GB of CUDA, which nothing here uses.
ARG TORCH_ARGS="--index-url https://download.pytorch.org/whl/cpu"
ARG PIP_ARGS="--no-cache-dir"
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY deploy deploy
COPY corpus corpus
COPY assistant assistant
RUN deploy/install /opt/assistant

FROM python:3.11-slim
COPY --from=build /opt/assistant /opt/assistant
COPY deploy/health.py /opt/assistant/health.py
COPY corpus /guide
RUN install --directory --owner=10001 --group=10001 /data
ENV ASSISTANT_HOST=0.0.0.0 \
    ASSISTANT_CORPUS=/guide \
    ASSISTANT_INDEX=/data/index \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/assistant/venv/bin/python", "/opt/assistant/health.py"]
ENTRYPOINT ["/opt/assistant/bin/assistant"]
CMD ["serve", "--watch"]
