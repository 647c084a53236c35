"""What a model predicts, by a loop that knows nothing of batches."""

import math

import numpy as np
import torch


@torch.inference_mode()
def log_probabilities(model, ids):
    """Naively: the past of each token goes through the model by itself."""
    rows = []
    for length in range(1, len(ids)):
        logits = model.model(torch.tensor([ids[:length]])).logits[0, -1].double().numpy()
        shifted = logits - logits.max()
        rows.append(shifted - math.log(math.fsum(np.exp(shifted))))
    return rows
