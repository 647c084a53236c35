"""A GPT-2 made by hand, in which each head looks one token back, and matters as much as one says.

Token t is dimension t of the residual stream, position p is dimension TOKENS + p. W_Q and W_K of
every head let position p look at p - 1. W_V takes the token that is there, and W_O adds it to the
residual stream, times the strength of the head. The head of the model is the embedding, so the
model predicts the token before. There is no MLP.
"""

import itertools

import torch
from saved import save_small
from transformers import GPT2Config, GPT2LMHeadModel

TOKENS, POSITIONS, HEAD_WIDTH = 8, 16, 16


def planted_gpt2(strengths, folder):
    """Save the model with these strengths (blocks, heads) in a folder."""
    blocks, heads = len(strengths), len(strengths[0])
    width = heads * HEAD_WIDTH
    config = GPT2Config(
        n_layer=blocks,
        n_head=heads,
        n_embd=width,
        n_positions=POSITIONS,
        vocab_size=257,
        bos_token_id=256,
        eos_token_id=256,
    )
    model = GPT2LMHeadModel(config)
    save_small(model, folder)  # with its tokenizer; other weights follow
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    own = model.transformer
    with torch.no_grad():
        for token in range(TOKENS):
            own.wte.weight[token, token] = 1
        for position in range(POSITIONS):
            own.wpe.weight[position, TOKENS + position] = 1
        own.ln_f.weight.fill_(1)
        for block, of_block in zip(own.h, strengths, strict=True):
            block.ln_1.weight.fill_(1)
            block.ln_2.weight.fill_(1)
            for head, strength in enumerate(of_block):
                first = head * HEAD_WIDTH
                attention, out = block.attn.c_attn.weight, block.attn.c_proj.weight
                for position in range(POSITIONS):
                    attention[TOKENS + position, first + position] = 1
                    if position + 1 < POSITIONS:
                        attention[TOKENS + position, width + first + position + 1] = 1
                for token in range(TOKENS):
                    attention[token, 2 * width + first + token] = 1
                    out[first + token, token] = strength
    model.save_pretrained(folder)


def documents():
    """Texts of two tokens in turn, in which each token is the one before the last."""
    pairs = itertools.permutations(range(TOKENS), 2)
    return [[*pair] * 6 for pair in list(pairs)[::2]]
