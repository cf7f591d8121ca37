"""The script of pykan's "Hello, KAN!" as methods of the comparison, one for each hidden width: Width1 to Width10."""

from __future__ import annotations

from kansym.comparison.methods.base import Answer, Method, Task

WIDTHS = range(1, 11)
FUNCTIONS = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]


class Script(Method):
    """Train with sparsity, prune, train, refine, train, ``auto_symbolic``, train: 50 steps of L-BFGS each time.

    Every number is the script's own, but for the rows and the seed, which are the task's, and the width. What pykan
    calls test rows are the training rows: it logs an error on them and reads the range of each edge from them.
    """

    hidden_width = 5
    name = "pykan"
    modules = ("kan",)
    packages = ("pykan", "torch")

    def load(self) -> None:
        """Import pykan."""
        import kan  # noqa: F401

    def fit(self, task: Task) -> Answer:
        """Run the script, in a process of its own: pykan sets global seeds and writes files where it stands."""
        import torch
        from kan import KAN

        torch.set_default_dtype(torch.float64)
        x, y = torch.from_numpy(task.X), torch.from_numpy(task.y).unsqueeze(1)
        rows = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
        model = KAN(width=[x.shape[1], self.hidden_width, 1], grid=3, k=3, seed=task.seed)
        model.fit(rows, opt="LBFGS", steps=50, lamb=0.001)
        model = model.prune()
        model.fit(rows, opt="LBFGS", steps=50)
        model = model.refine(10)
        model.fit(rows, opt="LBFGS", steps=50)
        model.auto_symbolic(lib=FUNCTIONS, verbose=0)
        model.fit(rows, opt="LBFGS", steps=50)
        return Answer(model.symbolic_formula(var=list(task.variables))[0][0])


globals().update({f"Width{width}": type(f"Width{width}", (Script,), {"hidden_width": width}) for width in WIDTHS})
