# Every environment of the workflow in one image (docs/conda.md). Nobody has built it yet.
# Made by snakemake --containerize: python tests/workflow/conda/containerize.py > Dockerfile
FROM condaforge/miniforge3:latest
LABEL io.github.snakemake.containerized="true"
LABEL io.github.snakemake.conda_env_hash="596b12fcd99cc04f5a16a79dcf2aec2c2e8d5d53d3cfe60ce2bd9294c1dd65e6"
# Conda environment:
#   source: envs/lm.yaml
#   prefix: /conda-envs/3aafbe83042de5fada00d5cf6b9e6e31
#   # Running language models: generate and score. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - annotated-doc==0.0.7
#         - annotated-types==0.8.0
#         - anyio==4.16.0
#         - certifi==2026.10.18
#         - click==8.5.1
#         - filelock==4.2.12
#         - fsspec==2026.9.0
#         - h11==0.16.0
#         - hf-xet==1.8.0
#         - httpcore==1.0.9
#         - httpx==0.28.1
#         - huggingface-hub==1.33.0
#         - idna==3.20
#         - jinja2==3.1.6
#         - llvmlite==0.50.0
#         - markdown-it-py==4.3.0
#         - markupsafe==3.0.4
#         - mdurl==0.1.2
#         - mpmath==1.3.0
#         - networkx==3.6.1
#         - numba==0.68.1
#         - numpy==2.4.6
#         - packaging==25.0
#         - pandas==3.1.1
#         - pyarrow==26.0.1
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - pygments==2.21.0
#         - python-dateutil==4.0.0
#         - pyyaml==6.0.3
#         - regex==2026.11.15
#         - rich==15.0.0
#         - safetensors==0.8.0
#         - setuptools==84.2.1
#         - shellingham==1.5.4
#         - sympy==1.14.0
#         - tokenizers==0.23.3
#         - torch==2.13.0
#         - tqdm==4.70.1
#         - transformers==5.17.0
#         - typer==0.29.2
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - tzdata==2026.6
RUN mkdir -p /conda-envs/3aafbe83042de5fada00d5cf6b9e6e31
COPY envs/lm.yaml /conda-envs/3aafbe83042de5fada00d5cf6b9e6e31/environment.yaml
# Conda environment:
#   source: envs/notebooks.yaml
#   prefix: /conda-envs/f3a54c75cf2d01f2fe080bfb7737aa7d
#   # Notebooks. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - annotated-types==0.8.0
#         - asttokens==3.0.2
#         - attrs==26.1.0
#         - beautifulsoup4==4.15.0
#         - bleach==6.4.0
#         - comm==0.2.3
#         - contourpy==1.3.3
#         - cycler==0.12.1
#         - debugpy==1.8.22
#         - defusedxml==0.7.1
#         - executing==2.3.0
#         - fastjsonschema==2.22.3
#         - fonttools==4.68.0
#         - ipykernel==7.4.0
#         - ipython==9.18.1
#         - ipython-pygments-lexers==1.1.1
#         - jedi==0.20.1
#         - jinja2==3.1.6
#         - jsonschema==4.26.0
#         - jsonschema-specifications==2025.9.1
#         - jupyter-client==8.10.0
#         - jupyter-core==5.9.1
#         - jupyterlab-pygments==0.3.0
#         - jupytext==1.19.6
#         - kiwisolver==1.5.1
#         - markdown-it-py==4.3.0
#         - markupsafe==3.0.4
#         - matplotlib==3.11.2
#         - matplotlib-inline==0.2.2
#         - mdit-py-plugins==0.7.0
#         - mdurl==0.1.2
#         - mistune==3.4.0
#         - nbclient==0.11.0
#         - nbconvert==7.17.2
#         - nbformat==5.11.1
#         - nest-asyncio2==1.7.4
#         - numpy==2.4.6
#         - packaging==25.0
#         - pandas==3.1.1
#         - pandocfilters==1.5.1
#         - parso==0.8.7
#         - pexpect==4.9.0
#         - pillow==13.0.0
#         - platformdirs==4.14.7
#         - prompt-toolkit==3.0.53
#         - psutil==7.2.2
#         - ptyprocess==0.7.0
#         - pure-eval==0.2.4
#         - pyarrow==26.0.1
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - pygments==2.21.0
#         - pyparsing==3.3.3
#         - python-dateutil==4.0.0
#         - pyyaml==6.0.3
#         - pyzmq==27.3.0
#         - referencing==0.37.0
#         - rpds-py==2026.9.1
#         - scipy==1.17.1
#         - seaborn==0.13.2
#         - soupsieve==2.10
#         - stack-data==0.6.3
#         - tinycss2==1.5.1
#         - tornado==6.6.1
#         - tqdm==4.70.1
#         - traitlets==5.16.1
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - tzdata==2026.6
#         - wcwidth==0.9.4
#         - webencodings==0.6.1
RUN mkdir -p /conda-envs/f3a54c75cf2d01f2fe080bfb7737aa7d
COPY envs/notebooks.yaml /conda-envs/f3a54c75cf2d01f2fe080bfb7737aa7d/environment.yaml
# Conda environment:
#   source: envs/probes.yaml
#   prefix: /conda-envs/42cad99a2ce9aa50a5677c83560852e8
#   # Linear probes on language models. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - annotated-doc==0.0.7
#         - annotated-types==0.8.0
#         - anyio==4.16.0
#         - certifi==2026.10.18
#         - click==8.5.1
#         - cloudpickle==3.1.3
#         - filelock==4.2.12
#         - fsspec==2026.9.0
#         - h11==0.16.0
#         - hf-xet==1.8.0
#         - httpcore==1.0.9
#         - httpx==0.28.1
#         - huggingface-hub==1.33.0
#         - idna==3.20
#         - jinja2==3.1.6
#         - joblib==1.6.0
#         - llvmlite==0.50.0
#         - markdown-it-py==4.3.0
#         - markupsafe==3.0.4
#         - mdurl==0.1.2
#         - mpmath==1.3.0
#         - narwhals==2.29.0
#         - networkx==3.6.1
#         - numba==0.68.1
#         - numpy==2.4.6
#         - packaging==25.0
#         - pandas==3.1.1
#         - pyarrow==26.0.1
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - pygments==2.21.0
#         - python-dateutil==4.0.0
#         - pyyaml==6.0.3
#         - regex==2026.11.15
#         - rich==15.0.0
#         - safetensors==0.8.0
#         - scikit-learn==1.9.1
#         - scipy==1.17.1
#         - setuptools==84.2.1
#         - shellingham==1.5.4
#         - sympy==1.14.0
#         - threadpoolctl==3.8.0
#         - tokenizers==0.23.3
#         - torch==2.13.0
#         - tqdm==4.70.1
#         - transformers==5.17.0
#         - typer==0.29.2
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - tzdata==2026.6
RUN mkdir -p /conda-envs/42cad99a2ce9aa50a5677c83560852e8
COPY envs/probes.yaml /conda-envs/42cad99a2ce9aa50a5677c83560852e8/environment.yaml
# Conda environment:
#   source: envs/report.yaml
#   prefix: /conda-envs/79b9cc91466e93de69c8f13005b18c3b
#   # The report's pages. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - annotated-types==0.8.0
#         - jinja2==3.1.6
#         - markupsafe==3.0.4
#         - numpy==2.4.6
#         - pandas==3.1.1
#         - pyarrow==26.0.1
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - python-dateutil==4.0.0
#         - pyyaml==6.0.3
#         - tqdm==4.70.1
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - tzdata==2026.6
RUN mkdir -p /conda-envs/79b9cc91466e93de69c8f13005b18c3b
COPY envs/report.yaml /conda-envs/79b9cc91466e93de69c8f13005b18c3b/environment.yaml
# Conda environment:
#   source: envs/tables.yaml
#   prefix: /conda-envs/98db505f4366b1fcdf5d92c2ade767a3
#   # Tables and figures. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - annotated-types==0.8.0
#         - anyio==4.16.0
#         - certifi==2026.10.18
#         - click==8.5.1
#         - contourpy==1.3.3
#         - cycler==0.12.1
#         - filelock==4.2.12
#         - fonttools==4.68.0
#         - fsspec==2026.9.0
#         - h11==0.16.0
#         - hf-xet==1.8.0
#         - httpcore==1.0.9
#         - httpx==0.28.1
#         - huggingface-hub==1.33.0
#         - idna==3.20
#         - jinja2==3.1.6
#         - kiwisolver==1.5.1
#         - markupsafe==3.0.4
#         - matplotlib==3.11.2
#         - numpy==2.4.6
#         - packaging==25.0
#         - pandas==3.1.1
#         - pillow==13.0.0
#         - pyarrow==26.0.1
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - pyparsing==3.3.3
#         - python-dateutil==4.0.0
#         - pyyaml==6.0.3
#         - safetensors==0.8.0
#         - scipy==1.17.1
#         - tokenizers==0.23.3
#         - tqdm==4.70.1
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - tzdata==2026.6
RUN mkdir -p /conda-envs/98db505f4366b1fcdf5d92c2ade767a3
COPY envs/tables.yaml /conda-envs/98db505f4366b1fcdf5d92c2ade767a3/environment.yaml
# Conda environment:
#   source: envs/weights.yaml
#   prefix: /conda-envs/75eeaf65c084a5af749579446e6058d7
#   # Fetching, converting and corrupting weights. Made from the lock by requirements/environments.py:
#   # the same wheels run with and without conda.
#   channels:
#     - conda-forge
#   dependencies:
#     - python=3.11.7
#     - pip=23.2.1
#     - pip:
#         - accelerate==1.15.0
#         - annotated-doc==0.0.7
#         - annotated-types==0.8.0
#         - anyio==4.16.0
#         - certifi==2026.10.18
#         - charset-normalizer==3.5.2
#         - click==8.5.1
#         - filelock==4.2.12
#         - fsspec==2026.9.0
#         - gguf==0.19.0
#         - h11==0.16.0
#         - hf-xet==1.8.0
#         - httpcore==1.0.9
#         - httpx==0.28.1
#         - huggingface-hub==1.33.0
#         - idna==3.20
#         - jinja2==3.1.6
#         - markdown-it-py==4.3.0
#         - markupsafe==3.0.4
#         - mdurl==0.1.2
#         - mpmath==1.3.0
#         - networkx==3.6.1
#         - numpy==2.4.6
#         - packaging==25.0
#         - psutil==7.2.2
#         - pydantic==2.14.3
#         - pydantic-core==2.50.4
#         - pygments==2.21.0
#         - pyyaml==6.0.3
#         - regex==2026.11.15
#         - requests==2.34.2
#         - rich==15.0.0
#         - safetensors==0.8.0
#         - setuptools==84.2.1
#         - shellingham==1.5.4
#         - sympy==1.14.0
#         - tokenizers==0.23.3
#         - torch==2.13.0
#         - tqdm==4.70.1
#         - transformers==5.17.0
#         - typer==0.29.2
#         - typing-extensions==4.16.0
#         - typing-inspection==0.4.5
#         - urllib3==2.8.0
RUN mkdir -p /conda-envs/75eeaf65c084a5af749579446e6058d7
COPY envs/weights.yaml /conda-envs/75eeaf65c084a5af749579446e6058d7/environment.yaml

RUN conda env create --prefix /conda-envs/3aafbe83042de5fada00d5cf6b9e6e31 --file /conda-envs/3aafbe83042de5fada00d5cf6b9e6e31/environment.yaml && \
    conda env create --prefix /conda-envs/f3a54c75cf2d01f2fe080bfb7737aa7d --file /conda-envs/f3a54c75cf2d01f2fe080bfb7737aa7d/environment.yaml && \
    conda env create --prefix /conda-envs/42cad99a2ce9aa50a5677c83560852e8 --file /conda-envs/42cad99a2ce9aa50a5677c83560852e8/environment.yaml && \
    conda env create --prefix /conda-envs/79b9cc91466e93de69c8f13005b18c3b --file /conda-envs/79b9cc91466e93de69c8f13005b18c3b/environment.yaml && \
    conda env create --prefix /conda-envs/98db505f4366b1fcdf5d92c2ade767a3 --file /conda-envs/98db505f4366b1fcdf5d92c2ade767a3/environment.yaml && \
    conda env create --prefix /conda-envs/75eeaf65c084a5af749579446e6058d7 --file /conda-envs/75eeaf65c084a5af749579446e6058d7/environment.yaml && \
    conda clean --all -y
