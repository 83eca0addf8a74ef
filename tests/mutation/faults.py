"""Small faults for a module's syntax tree: one comparison, number, sign, condition, result or statement is not what it was.

What only words a refusal or says a type is left alone: no test should pin a message letter by letter.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.MatMult: ast.Mult,
}  # fmt: skip
DELETED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Fault:
    """A module with one fault.

    Attributes:
        line, column: where; lines from 1.
        was, becomes: the piece of code before and after, on one line.
        source: the whole module.
    """

    line: int
    column: int
    was: str
    becomes: str
    source: str

    @property
    def name(self) -> str:
        """What tells it from the module's other faults as long as the module stays as it is."""
        return f"{self.line}:{self.column}: {self.was}  ->  {self.becomes}"


def faults_of(source: str) -> Iterator[Fault]:
    """Every fault of a module, in the order of its lines."""
    tree = ast.parse(source)
    nodes = list(_judged(tree))
    for index, node in enumerate(nodes):
        for change in _changes(node):
            spoilt = copy.deepcopy(tree)
            place = list(_judged(spoilt))[index]
            changed = _put(spoilt, place, change)
            yield Fault(*_place(node), _shown(node), _shown(changed), ast.unparse(spoilt))


def _changes(node: ast.AST) -> list[ast.AST]:
    """What may stand in a node's place."""
    if isinstance(node, (ast.Compare, ast.BinOp, ast.BoolOp, ast.UnaryOp)):
        return _other_operators(node)
    if isinstance(node, ast.Constant):
        return [ast.Constant(value) for value in _other_values(node.value)]
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        return [_with_test(node, ast.UnaryOp(ast.Not(), node.test))]
    if isinstance(node, ast.Return) and not (node.value is None or _is_none(node.value)):
        return [ast.Return(ast.Constant(None))]
    return [ast.Pass()] if isinstance(node, DELETED) else []


def _other_operators(node: ast.Compare | ast.BinOp | ast.BoolOp | ast.UnaryOp) -> list[ast.AST]:
    if isinstance(node, ast.Compare):
        return [
            ast.Compare(node.left, [*node.ops[:n], other(), *node.ops[n + 1 :]], node.comparators)
            for n, op in enumerate(node.ops)
            if (other := COMPARISONS.get(type(op)))
        ]
    if isinstance(node, ast.BoolOp):
        return [ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    other = ARITHMETIC.get(type(node.op))
    return [ast.BinOp(node.left, other(), node.right)] if other else []


def _other_values(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value + 1.0] if isinstance(value, float) else []


def _judged(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that faults are put into: no annotations, decorators, docstrings, texts, or words of a refusal."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_params") or isinstance(tree, ast.JoinedStr):
            continue
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or _says_nothing(node):
                continue
            yield node
            if not isinstance(node, ast.Raise):
                yield from _judged(node)


def _put(tree: ast.AST, place: ast.AST, change: ast.AST) -> ast.AST:
    """Put `change` at `place` of the copied tree."""

    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return change if node is place else self.generic_visit(node)

    Exchange().visit(tree)
    ast.fix_missing_locations(tree)
    return change


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _with_test(node: ast.If | ast.IfExp | ast.While, test: ast.expr) -> ast.AST:
    changed = copy.copy(node)
    changed.test = test
    return changed


def _says_nothing(node: ast.AST) -> bool:
    """Imports, docstrings, and names of types such as `Mask = NDArray[np.bool_]`, which nothing asks at run time."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        return name[:1].isupper() and not name.isupper() and isinstance(node.value, ast.Subscript)
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_docstring or isinstance(node, (ast.Import, ast.ImportFrom))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _shown(node: ast.AST) -> str:
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).splitlines()
    return text[0][:110] if text else ""
