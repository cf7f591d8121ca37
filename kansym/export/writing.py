"""From a recorded formula to statements and one expression: what the languages have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy

from kansym.export.identifiers import RESERVED, comment_text, identifiers
from kansym.export.recording import Node, record
from kansym.library import Library
from kansym.symbolic.printing import to_text

__all__ = ["ATOM", "POWER", "Body", "Language", "SourceFunction", "functions_of", "heading"]

_CHOICE, _SUM, _PRODUCT, POWER, ATOM = range(5)
_COMPARISONS = ("<", "<=", ">", ">=")
_READABLE_DIGITS = 6


class Language:
    """How one language spells numbers, powers and calls."""

    def number(self, value: float) -> str:
        """A number of double precision, to the last bit."""
        raise NotImplementedError

    def power(self, base: str, exponent: str) -> tuple[str, int]:
        """A power of two texts, each of which stands by itself, and how strongly it binds."""
        raise NotImplementedError

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A call of a function under numpy's name."""
        raise NotImplementedError


@dataclass(frozen=True)
class Body:
    """What a function does.

    Attributes
    ----------
    steps : tuple of (str, str)
        Names of intermediate values that are used more than once, and what they are.
    result : str
    variables : frozenset of int
        Positions of the variables that are used.
    calls : frozenset of str
        Functions that are called, under numpy's names.
    """

    steps: tuple[tuple[str, str], ...]
    result: str
    variables: frozenset[int]
    calls: frozenset[str]


@dataclass(frozen=True)
class SourceFunction:
    """One formula, ready to be laid out: its name, parameters and body, and what a comment says of it."""

    name: str
    parameters: tuple[str, ...]
    body: Body
    text: str


def functions_of(
    formulas: Mapping[str, sympy.Expr],
    variables: Sequence[sympy.Symbol],
    library: Library | None,
    language: Language,
) -> list[SourceFunction]:
    """Record and write every formula; names become distinct identifiers."""
    names = identifiers(list(formulas))
    parameters = identifiers([variable.name for variable in variables], taken=names)
    functions = []
    for name, expression in zip(names, formulas.values(), strict=True):
        body = _Renderer(language, parameters, names).body(record(expression, variables, library))
        text = to_text(expression, _READABLE_DIGITS).replace("·", "*").replace("π", "pi")
        functions.append(SourceFunction(name, parameters, body, comment_text(text)))
    return functions


def heading(functions: Sequence[SourceFunction], variables: Sequence[sympy.Symbol], notes: Sequence[str]) -> list[str]:
    """Lines of the comment at the head of a file, without the marks of a comment."""
    lines = [f"{function.name} = {function.text}" for function in functions]
    lines += ["", "Arguments, in the units of the data that the formula was fitted to:"]
    parameters = functions[0].parameters
    width = max(map(len, parameters), default=0)
    for name, variable in zip(parameters, variables, strict=True):
        lines.append(f"  {name:{width}}  {comment_text(variable.name)}")
    lines += ["", "Where a formula is not defined its value is NaN, at a pole it is infinite."]
    return lines + [comment_text(note) for note in notes]


class _Renderer:
    """Writes a graph of nodes: operations in their order, values that are used twice by name."""

    def __init__(self, language: Language, parameters: Sequence[str], functions: Sequence[str]) -> None:
        self.language, self.parameters = language, parameters
        self.taken = {*parameters, *functions, *RESERVED}
        self.uses: Counter[Node] = Counter()
        self.names: dict[Node, str] = {}
        self.steps: list[tuple[str, str]] = []
        self.variables: set[int] = set()
        self.calls: set[str] = set()

    def body(self, root: Node) -> Body:
        self._count(root)
        result = self._text(root)
        return Body(tuple(self.steps), result, frozenset(self.variables), frozenset(self.calls))

    def _count(self, node: Node) -> None:
        self.uses[node] += 1
        if self.uses[node] == 1:
            for operand in node.operands:
                self._count(operand)

    def _is_shared(self, node: Node) -> bool:
        return bool(node.operands) and self.uses[node] > 1

    def _text(self, node: Node, least: int = _CHOICE) -> str:
        """Text of a node, in parentheses unless it binds at least so strongly."""
        code, strength = self._written(node)
        # A sign inside a product or a power would be read as the whole's.
        return f"({code})" if strength < least or (least > _SUM and code.startswith("-")) else code

    def _written(self, node: Node) -> tuple[str, int]:
        """Text of a node and how strongly it binds; of one that is used again, the name of its step."""
        if not self._is_shared(node):
            return self._fresh(node)
        if node not in self.names:
            code = self._fresh(node)[0]
            name = next(name for i in range(len(self.taken) + 1) if (name := f"t{i}") not in self.taken)
            self.taken.add(name)
            self.names[node] = name
            self.steps.append((name, code))
        return self.names[node], ATOM

    def _fresh(self, node: Node) -> tuple[str, int]:
        match node.kind:
            case "number":
                return self.language.number(node.value), ATOM
            case "variable":
                self.variables.add(int(node.value))
                return self.parameters[int(node.value)], ATOM
            case "+" | "-":
                return self._sum(node), _SUM
            case "*" | "/":
                return self._product(node), _PRODUCT
            case "neg":
                # The sign of the first factor is that of the product.
                return f"-{self._text(node.operands[0], _PRODUCT)}", _PRODUCT
            case "**":
                base, exponent = node.operands
                return self.language.power(self._text(base, ATOM), self._text(exponent, ATOM))
            case kind if kind in _COMPARISONS:
                left, right = (self._text(operand, _SUM) for operand in node.operands)
                return f"{left} {kind} {right}", _CHOICE
        self.calls.add(node.kind)
        return self.language.call(node.kind, [self._text(operand) for operand in node.operands]), ATOM

    def _chain(self, node: Node, kinds: tuple[str, str]) -> list[tuple[str, Node]]:
        """Operands of a sum or product that is evaluated from the left, each with the operator before it."""
        chain: list[tuple[str, Node]] = []
        while node.kind in kinds and (not chain or not self._is_shared(node)):
            left, right = node.operands
            chain.append((node.kind, right))
            node = left
        return [(kinds[0], node), *reversed(chain)]

    def _sum(self, node: Node) -> str:
        (_, first), *others = self._chain(node, ("+", "-"))
        code = self._text(first, _SUM)
        for mark, operand in others:
            term, strength = self._written(operand)
            if strength < _PRODUCT:
                term = f"({term})"
            elif term.startswith("-"):
                mark, term = ("-" if mark == "+" else "+"), term[1:]
            code += f" {mark} {term}"
        return code

    def _product(self, node: Node) -> str:
        (_, first), *others = self._chain(node, ("*", "/"))
        code, strength = self._written(first)
        code = f"({code})" if strength < _PRODUCT else code
        for mark, operand in others:
            code += f"{mark}{self._text(operand, POWER)}"
        return code
