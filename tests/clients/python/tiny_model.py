"""A language model of half a megabyte with random weights, in llama.cpp's own format: it talks nonsense, but truly."""

from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, INNER, LAYERS = 64, 4, 128, 2
WORDS = "the a of to and in is it you that".split()
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def write(path: Path) -> None:
    """Writes the model. The weights are the same every time."""
    random = np.random.default_rng(7)
    vocabulary = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *("▁" + word for word in WORDS)]
    kinds = gguf.TokenType
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(vocabulary))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token.encode() for token in vocabulary])
    writer.add_token_scores([0.0] * len(vocabulary))
    writer.add_token_types(
        [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256 + [kinds.NORMAL] * len(WORDS)
    )
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)

    def weights(name: str, *shape: int) -> None:
        writer.add_tensor(name + ".weight", (random.standard_normal(shape) * 0.05).astype(np.float32))

    def ones(name: str) -> None:
        writer.add_tensor(name + ".weight", np.ones(WIDTH, np.float32))

    weights("token_embd", len(vocabulary), WIDTH)
    weights("output", len(vocabulary), WIDTH)
    ones("output_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(block + name, WIDTH, WIDTH)
        ones(block + "attn_norm")
        ones(block + "ffn_norm")
        weights(block + "ffn_gate", INNER, WIDTH)
        weights(block + "ffn_up", INNER, WIDTH)
        weights(block + "ffn_down", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
