"""Feed a reader with what a fuzzer makes of the corpus, guided by the branches it has seen.

    pip install atheris
    python tests/fuzz/run.py csv -runs=1000000        # or: model, formula; options are those of libFuzzer

Inputs that reach new branches, and those that fail, are written to the folder that is printed first; what has failed
belongs into ``corpus/`` under a name that says what it is.
"""

import importlib
import pathlib
import sys
import tempfile

MODULES = ("archive", "entries", "network.state", "persistence", "persisted_discovery", "tables", "validation")
SYMBOLIC = ("parsing", "syntax", "normal_form", "serialization")


def main() -> None:
    """Run one target until its number of runs is done, or it fails."""
    atheris = importlib.import_module("atheris")
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    modules = [*(f"kansym.{name}" for name in MODULES), *(f"kansym.symbolic.{name}" for name in SYMBOLIC)]
    with atheris.instrument_imports(include=modules):
        targets = importlib.import_module("targets")  # which imports all of them: what is there already stays blind
    name, options = sys.argv[1], sys.argv[2:]
    work = pathlib.Path(tempfile.mkdtemp(prefix="kansym-fuzz-"))
    print(f"new inputs go to {work}", flush=True)
    found = work / "found"
    found.mkdir()
    if name == "model":
        for seed, raw in targets.model_seeds().items():
            (found / seed.replace("/", "_")).write_bytes(raw)
    corpus = pathlib.Path(__file__).parent / "corpus" / name
    atheris.Setup(
        [sys.argv[0], str(found), str(corpus), f"-artifact_prefix={work}/", "-max_len=20000", *options],
        lambda raw: targets.attack(name, raw, work) and None,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
