"""Models with random weights, saved as anybody's would be."""

END = 256  # the id of <|endoftext|>; ids below are bytes
SIZES = {"vocab_size": 257, "bos_token_id": END, "eos_token_id": END, "pad_token_id": END}


def small_gpt2(n_blocks):
    """GPT2LMHeadModel: width 24, 3 heads."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = GPT2Config(n_positions=64, n_embd=24, n_layer=n_blocks, n_head=3, **SIZES)
    return GPT2LMHeadModel(sizes)


def small_llama(n_blocks):
    """LlamaForCausalLM: width 24, 6 heads of width 4 that share 2 of keys and values."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=n_blocks,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=64,
        **SIZES,
    )
    return LlamaForCausalLM(sizes)


def save_small(model, folder):
    """Give a model weights that make it choose, and save it with a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise + (0.02 if parameter.dim() > 1 else 0.5))
    model.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    ).save_pretrained(folder)
