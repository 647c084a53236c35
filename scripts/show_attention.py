"""Rule show_attention: see rules/attention.smk."""

from needq.backup.tokens import decoder
from needq.common import published
from needq.common.attention import WORDS
from needq.common.files import read_made, write_text
from needq.common.keys import noise_parts
from needq.common.logs import job
from needq.common.rows import Tokens
from needq.common.tensors import read_tensors
from needq.figures import theme
from needq.figures.attention import draw_attention
from needq.figures.attention_maps import draw_maps
from needq.report.attention import AttentionPages
from needq.report.content import METHODS

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = AttentionPages(files.templates, **snakemake.params.page)
    table = published.read_table(files.table)
    theme.save(draw_attention(table), output.svg, output.png)
    decode, sentence = decoder(files.tokenizer), read_made(files.tokens, Tokens)["prompts"][0]
    words = [decode([token]) for token in sentence[:WORDS]]
    method = METHODS[noise_parts(snakemake.params.noise)[1]]
    maps = draw_maps(read_tensors(files.maps), words, table, method)
    theme.save(maps, output.maps_svg, output.maps_png)
    write_text(output.page, page.attention(table))
