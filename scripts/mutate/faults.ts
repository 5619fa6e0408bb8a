/**
 * The faults that can be planted in a file: small changes of its code, found by the parser of
 * TypeScript. Types, imports, comments and texts are left alone.
 * @module
 */
import ts from "npm:typescript@6.0.3";

/** The kinds of faults. */
export const KINDS = [
  /** `<` becomes `<=`, `===` becomes `!==`, Math.min becomes Math.max. */
  "comparison",
  /** A condition is negated, `&&` becomes `||`. */
  "condition",
  /** A number is one more or one less, true becomes false. */
  "constant",
  /** `+` becomes `-`, `<<` becomes `>>`, `&` becomes `|`. */
  "arithmetic",
  /** A statement is deleted: a call, an assignment, an early return, an if with its block. */
  "deletion",
  /** Two neighbouring arguments of a call are swapped. */
  "argument",
] as const;

/** The kind of a fault. */
export type Kind = typeof KINDS[number];

/** A change of a file that can be planted. */
export interface Fault {
  /** The path from the project's folder. */
  readonly file: string;
  /** The number of the first line that changes, from 1. */
  readonly line: number;
  /** The class and function in which it is, such as `Sender.seal`; the name of a constant. */
  readonly inside: string;
  readonly kind: Kind;
  /** The lines that change, without the blanks around them. */
  readonly before: string;
  /** The same lines with the fault. */
  readonly after: string;
  /** Where the changed code begins, in UTF-16 units from the start of the file. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** What takes its place. */
  readonly text: string;
}

const Token = ts.SyntaxKind;

const COMPARISONS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [Token.LessThanToken, "<="],
  [Token.LessThanEqualsToken, "<"],
  [Token.GreaterThanToken, ">="],
  [Token.GreaterThanEqualsToken, ">"],
  [Token.EqualsEqualsEqualsToken, "!=="],
  [Token.ExclamationEqualsEqualsToken, "==="],
]);

const CONNECTIVES: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [Token.AmpersandAmpersandToken, "||"],
  [Token.BarBarToken, "&&"],
]);

const ARITHMETIC: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [Token.PlusToken, "-"],
  [Token.MinusToken, "+"],
  [Token.AsteriskToken, "+"],
  [Token.SlashToken, "*"],
  [Token.PercentToken, "*"],
  [Token.LessThanLessThanToken, ">>"],
  [Token.GreaterThanGreaterThanToken, "<<"],
  [Token.GreaterThanGreaterThanGreaterThanToken, ">>"],
  [Token.AmpersandToken, "|"],
  [Token.BarToken, "&"],
  [Token.CaretToken, "&"],
  [Token.PlusEqualsToken, "-="],
  [Token.MinusEqualsToken, "+="],
  [Token.BarEqualsToken, "&="],
  [Token.AmpersandEqualsToken, "|="],
  [Token.CaretEqualsToken, "|="],
]);

/** All faults of a file, in the order of its code. */
export function faultsOf(file: string, source: string): Fault[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const faults: Fault[] = [];
  const add = (kind: Kind, inside: string, start: number, end: number, text: string) => {
    const from = source.lastIndexOf("\n", start - 1) + 1;
    const newline = source.indexOf("\n", end);
    const to = newline === -1 ? source.length : newline;
    faults.push({
      file,
      line: tree.getLineAndCharacterOfPosition(start).line + 1,
      inside,
      kind,
      before: oneLine(source.slice(from, to)),
      after: oneLine(source.slice(from, start) + text + source.slice(end, to)),
      start,
      end,
      text,
    });
  };
  const visit = (node: ts.Node, outside: string): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    const name = nameOf(node);
    const inside = name === undefined ? outside : outside === "" ? name : `${outside}.${name}`;
    for (const [kind, at, text, last = at] of changesOf(node)) {
      add(kind, inside, at.getStart(), last.getEnd(), text);
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(tree, "");
  return faults;
}

/** The source of a file with the fault. */
export function plant(source: string, fault: Fault): string {
  return source.slice(0, fault.start) + fault.text + source.slice(fault.end);
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/** The name by which a reader finds the code of a node. */
function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return "constructor";
  if (
    ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) || ts.isPropertyDeclaration(node) || isTopConstant(node)
  ) {
    return node.name?.getText();
  }
  return undefined;
}

/** Whether a node declares a variable of the module. */
function isTopConstant(node: ts.Node): node is ts.VariableDeclaration {
  return ts.isVariableDeclaration(node) && ts.isSourceFile(node.parent.parent.parent);
}

/** The code from the start of `at` to the end of `last`, or of `at`, becomes `text`. */
type Change = readonly [kind: Kind, at: ts.Node, text: string, last?: ts.Node];

function* changesOf(node: ts.Node): Generator<Change> {
  if (ts.isBinaryExpression(node)) yield* ofOperator(node);
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) yield* ofSign(node);
  if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) yield* ofNumber(node);
  if (node.kind === Token.TrueKeyword) yield ["constant", node, "false"];
  if (node.kind === Token.FalseKeyword) yield ["constant", node, "true"];
  const condition = conditionOf(node);
  // The negation of a comparison by === is among the comparisons.
  if (condition !== undefined && !isEquality(condition)) {
    yield ["condition", condition, `!(${condition.getText()})`];
  }
  if (ts.isCallExpression(node)) yield* ofMinimum(node);
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) yield* ofArguments(node);
  if (isDeletable(node)) yield ["deletion", node, ";"];
}

function* ofOperator(node: ts.BinaryExpression): Generator<Change> {
  const { operatorToken: operator } = node;
  const comparison = COMPARISONS.get(operator.kind);
  if (comparison !== undefined) yield ["comparison", operator, comparison];
  const connective = CONNECTIVES.get(operator.kind);
  if (connective !== undefined) yield ["condition", operator, connective];
  const arithmetic = ARITHMETIC.get(operator.kind);
  if (arithmetic !== undefined && !isText(node.left) && !isText(node.right)) {
    yield ["arithmetic", operator, arithmetic];
  }
}

function isText(node: ts.Expression): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function* ofSign(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): Generator<Change> {
  const operand = node.operand.getText();
  const isPrefix = ts.isPrefixUnaryExpression(node);
  switch (node.operator) {
    case Token.PlusPlusToken:
      return yield ["arithmetic", node, isPrefix ? `--${operand}` : `${operand}--`];
    case Token.MinusMinusToken:
      return yield ["arithmetic", node, isPrefix ? `++${operand}` : `${operand}++`];
    case Token.ExclamationToken:
      return yield ["condition", node, operand];
    case Token.MinusToken:
    case Token.TildeToken:
      return yield ["arithmetic", node, operand];
  }
}

function* ofNumber(node: ts.NumericLiteral | ts.BigIntLiteral): Generator<Change> {
  if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) return;
  const text = node.getText().replaceAll("_", "");
  if (ts.isBigIntLiteral(node)) {
    const value = BigInt(text.slice(0, -1));
    yield ["constant", node, `${value + 1n}n`];
    if (value > 0n) yield ["constant", node, `${value - 1n}n`];
    return;
  }
  const value = Number(text);
  yield ["constant", node, `${value + 1}`];
  if (value > 0) yield ["constant", node, `${value - 1}`];
}

function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) {
    return node.expression;
  }
  if (ts.isForStatement(node) || ts.isConditionalExpression(node)) return node.condition;
  return undefined;
}

function isEquality(node: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(node) && node.operator === Token.ExclamationToken) return true;
  return ts.isBinaryExpression(node) &&
    (node.operatorToken.kind === Token.EqualsEqualsEqualsToken ||
      node.operatorToken.kind === Token.ExclamationEqualsEqualsToken);
}

function* ofMinimum({ expression }: ts.CallExpression): Generator<Change> {
  if (expression.getText() === "Math.min") yield ["comparison", expression, "Math.max"];
  if (expression.getText() === "Math.max") yield ["comparison", expression, "Math.min"];
}

function* ofArguments(node: ts.CallExpression | ts.NewExpression): Generator<Change> {
  // The order of these arguments makes no difference.
  if (/^Math\.(min|max|imul)$/.test(node.expression.getText())) return;
  const list = node.arguments ?? [];
  const source = node.getSourceFile();
  for (let i = 0; i + 1 < list.length; i++) {
    const [a, b] = [list[i], list[i + 1]];
    if ([a, b].some((each) => ts.isSpreadElement(each) || ts.isFunctionLike(each))) continue;
    if (a.getText() === b.getText()) continue;
    const between = source.text.slice(a.getEnd(), b.getStart());
    yield ["argument", a, `${b.getText()}${between}${a.getText()}`, b];
  }
}

function isDeletable(node: ts.Node): boolean {
  if (ts.isExpressionStatement(node)) {
    const { expression } = node;
    if (ts.isSatisfiesExpression(expression)) return false;
    if (ts.isCallExpression(expression)) {
      return expression.expression.kind !== Token.SuperKeyword;
    }
    return !isFieldOfConstructor(node);
  }
  if (ts.isReturnStatement(node)) return node.expression === undefined;
  if (ts.isIfStatement(node)) return node.elseStatement === undefined;
  return ts.isContinueStatement(node) || ts.isBreakStatement(node) || ts.isThrowStatement(node);
}

/** Whether a statement of a constructor sets a field. Without it nothing at all would work. */
function isFieldOfConstructor(node: ts.ExpressionStatement): boolean {
  const isField = ts.isBinaryExpression(node.expression) &&
    node.expression.left.getText().startsWith("this.");
  return isField && ts.isConstructorDeclaration(node.parent.parent);
}
