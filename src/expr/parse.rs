//! Text to syntax tree: a precedence-climbing parser over tokens, bounded in depth and size.
//!
//! ```text
//! or    := and ("or" and)*            not := "not" not | compare
//! and   := not ("and" not)*           compare := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum
//! sum   := product (("+" | "-") product)*                     | "in" "[" or ("," or)* "]")?
//! product := unary (("*" | "/" | "%") unary)*
//! unary := "-" unary | atom ("@" symbol)?
//! atom  := number | 'text' | true | false | name ("." name)* | name "(" or,* ")" | "(" or ")"
//! ```

use std::ops::Range;

/// How deep parentheses, calls and signs may nest.
const MAX_DEPTH: usize = 64;
/// How many nodes one expression may have; a longer one belongs into lets.
const MAX_NODES: usize = 2_000;

/// A node of the syntax tree and where it stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Byte offsets in the expression's text.
    pub span: Range<usize>,
}

/// What a node of the syntax tree is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A literal number; `integer` when written without point and exponent.
    Number {
        /// Its value.
        value: f64,
        /// Whether it can be a window.
        integer: bool,
    },
    /// A literal text in single or double quotes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A name, possibly a dotted path.
    Name(String),
    /// `not x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// `a + b`, `a < b`, `a and b`, ...
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `x in [a, b]`.
    In(Box<Expr>, Vec<Expr>),
    /// `name(args)`.
    Call {
        /// The function's name.
        name: String,
        /// Where the name stands.
        name_span: Range<usize>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `x@SYMBOL`.
    Elsewhere(Box<Expr>, Symbol),
}

/// What stands after `@`.
#[derive(Debug, Clone, PartialEq)]
pub struct Symbol {
    /// The symbol, or the name of what holds one.
    pub text: String,
    /// Whether it is quoted, and so a symbol as the data spells it.
    pub quoted: bool,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    Or,
    And,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// Whether its result is a truth value.
    pub fn is_logical(self) -> bool {
        self.precedence() <= COMPARISON
    }

    /// Whether it says which of two numbers is larger.
    pub fn is_inequality(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual)
    }

    fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::Equal
            | Self::NotEqual => COMPARISON,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide | Self::Remainder => 6,
        }
    }
}

const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const NEGATE: u8 = 7;

/// Why a text is not an expression, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// What would be right, if that is known.
    pub remedy: String,
    /// Byte offsets in the expression's text.
    pub span: Range<usize>,
}

/// The words that names cannot be.
pub const KEYWORDS: &[&str] = &["and", "or", "not", "in", "true", "false", "if"];

/// Read one expression.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, nodes: 0 };
    let expr = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

/// The names that `text` uses, functions and symbols left out; none if it is not an expression.
pub fn names_in(text: &str) -> Vec<String> {
    let tokens = tokens(text).unwrap_or_default();
    let is = |at: usize, sign: char| tokens.get(at).is_some_and(|(t, _)| *t == Token::Sign(sign));
    // What is called is a function, and what stands after `@` is a symbol.
    let is_other = |at: usize| is(at + 1, '(') || at > 0 && is(at - 1, '@');
    let name = |(at, (token, _)): (usize, &Spanned)| match token {
        Token::Name(name) if !is_other(at) => Some(name.clone()),
        _ => None,
    };
    tokens.iter().enumerate().filter_map(name).collect()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number { value: f64, integer: bool },
    Text(String),
    Name(String),
    Operator(Binary),
    Sign(char),
    End,
}

type Spanned = (Token, Range<usize>);

fn tokens(text: &str) -> Result<Vec<Spanned>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some(&(start, first)) = rest.peek() {
        if first.is_whitespace() {
            rest.next();
            continue;
        }
        let tail = &text[start..];
        let (token, length) = if first.is_ascii_digit() || first == '.' {
            number(tail, start)?
        } else if first.is_alphabetic() || first == '_' {
            name(tail)
        } else if first == '\'' || first == '"' {
            quoted(tail, start, first)?
        } else {
            sign(tail, start, first)?
        };
        tokens.push((token, start..start + length));
        while rest.next_if(|&(at, _)| at < start + length).is_some() {}
    }
    tokens.push((Token::End, text.len()..text.len()));
    Ok(tokens)
}

fn number(tail: &str, start: usize) -> Result<(Token, usize), SyntaxError> {
    let mut length = 0;
    let mut previous = ' ';
    for c in tail.chars() {
        let exponent_sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent_sign) {
            break;
        }
        length += c.len_utf8();
        previous = c;
    }
    let written = &tail[..length];
    let digits = written.replace('_', "");
    let integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number { value, integer }, length)),
        _ => Err(SyntaxError {
            message: format!("`{written}` is not a number"),
            remedy: "numbers look like 20, 0.05 or 1e-4; durations such as \"1d\" are quoted"
                .into(),
            span: start..start + length,
        }),
    }
}

fn name(tail: &str) -> (Token, usize) {
    let word =
        |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let mut length = word(tail);
    // A dot joins names into a path when a name follows it directly.
    while let Some(after) = tail[length..].strip_prefix('.') {
        let more = word(after);
        if more == 0 || after.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        length += 1 + more;
    }
    let token = match &tail[..length] {
        "and" => Token::Operator(Binary::And),
        "or" => Token::Operator(Binary::Or),
        written => Token::Name(written.to_owned()),
    };
    (token, length)
}

fn quoted(tail: &str, start: usize, quote: char) -> Result<(Token, usize), SyntaxError> {
    match tail[1..].find(quote) {
        Some(end) => Ok((Token::Text(tail[1..=end].to_owned()), end + 2)),
        None => Err(SyntaxError {
            message: "a quoted text does not end".into(),
            remedy: format!("close it with {quote}"),
            span: start..start + tail.len(),
        }),
    }
}

fn sign(tail: &str, start: usize, first: char) -> Result<(Token, usize), SyntaxError> {
    let two = tail.get(..2).unwrap_or("");
    let operator = match two {
        "<=" => Some(Binary::LessEqual),
        ">=" => Some(Binary::GreaterEqual),
        "==" => Some(Binary::Equal),
        "!=" => Some(Binary::NotEqual),
        _ => None,
    };
    if let Some(operator) = operator {
        return Ok((Token::Operator(operator), 2));
    }
    const POWERS: &str = "powers are not part of the language; multiply";
    let foreign = |written: &str, remedy: &str| SyntaxError {
        message: format!("`{written}` is not part of an expression"),
        remedy: remedy.into(),
        span: start..start + written.len(),
    };
    match two {
        "&&" => return Err(foreign(two, "write `and`")),
        "||" => return Err(foreign(two, "write `or`")),
        "**" => return Err(foreign(two, POWERS)),
        "<>" => return Err(foreign(two, "write `!=`")),
        _ => {}
    }
    let remedy = match first {
        '&' => "write `and`",
        '|' => "write `or`",
        '!' => "write `not`",
        '=' => "equality is written `==`",
        '^' => POWERS,
        '?' | ':' => "choose with `if(condition, a, b)`",
        _ => "",
    };
    let token = match first {
        '<' => Token::Operator(Binary::Less),
        '>' => Token::Operator(Binary::Greater),
        '+' => Token::Operator(Binary::Add),
        '-' => Token::Operator(Binary::Subtract),
        '*' => Token::Operator(Binary::Multiply),
        '/' => Token::Operator(Binary::Divide),
        '%' => Token::Operator(Binary::Remainder),
        '(' | ')' | '[' | ']' | ',' | '@' => Token::Sign(first),
        _ => return Err(foreign(&tail[..first.len_utf8()], remedy)),
    };
    Ok((token, 1))
}

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    depth: usize,
    nodes: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn next(&mut self) -> Spanned {
        let token = self.tokens[self.at].clone();
        // The end is never consumed.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn skip(&mut self, sign: char) -> bool {
        let found = *self.peek() == Token::Sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, sign: char, wanted: &str) -> Result<usize, SyntaxError> {
        let end = self.span().end;
        if self.skip(sign) { Ok(end) } else { Err(self.unexpected(wanted)) }
    }

    fn is_after(&self, operator: Binary) -> bool {
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before].0);
        before == Some(&Token::Operator(operator))
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let remedy = match self.peek() {
            Token::Sign('[') => "the value one bar ago is `lag(x, 1)`".to_owned(),
            Token::Name(name) if ["and", "or", "in"].contains(&name.as_str()) => {
                format!(
                    "`{name}` is a word of the language; give a column another name by `data.columns`"
                )
            }
            Token::Name(name) if ["AND", "OR", "IN"].contains(&&*name.to_uppercase()) => {
                format!("write `{}`", name.to_lowercase())
            }
            _ if self.is_after(Binary::Remainder) => {
                "a rate is a fraction: 0.1 for 10 %".to_owned()
            }
            _ => String::new(),
        };
        let message = match self.peek() {
            Token::End => format!("the expression ends where {wanted} is needed"),
            Token::Number { .. } | Token::Text(_) => {
                format!("a value stands where {wanted} is needed")
            }
            Token::Name(name) => format!("`{name}` stands where {wanted} is needed"),
            Token::Operator(operator) => {
                format!("`{}` stands where {wanted} is needed", operator.symbol())
            }
            Token::Sign(sign) => format!("`{sign}` stands where {wanted} is needed"),
        };
        SyntaxError { message, remedy, span: self.span() }
    }

    fn node(&mut self, kind: Kind, span: Range<usize>) -> Result<Expr, SyntaxError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(SyntaxError {
                message: format!("the expression has more than {MAX_NODES} parts"),
                remedy: "give parts of it names under [let]".into(),
                span,
            });
        }
        Ok(Expr { kind, span })
    }

    /// An expression whose operators bind at least as tightly as `floor`.
    fn expression(&mut self, floor: u8) -> Result<Expr, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError {
                message: format!("the expression is nested more than {MAX_DEPTH} deep"),
                remedy: "give parts of it names under [let]".into(),
                span: self.span(),
            });
        }
        let mut left = self.prefix()?;
        loop {
            let is_in = matches!(self.peek(), Token::Name(name) if name == "in");
            if is_in && COMPARISON >= floor {
                self.next();
                let (items, end) = self.list()?;
                let span = left.span.start..end;
                left = self.node(Kind::In(Box::new(left), items), span)?;
                continue;
            }
            let Token::Operator(operator) = *self.peek() else { break };
            let precedence = operator.precedence();
            if precedence < floor {
                break;
            }
            if precedence == COMPARISON
                && let Kind::Binary(inner, ..) = &left.kind
                && inner.precedence() == COMPARISON
                && floor <= COMPARISON
                && !self.closed_before()
            {
                return Err(SyntaxError {
                    message: "comparisons do not chain".into(),
                    remedy: "write `a < b and b < c`".into(),
                    span: self.span(),
                });
            }
            self.next();
            let right = self.expression(precedence + 1)?;
            let span = left.span.start..right.span.end;
            left = self.node(Kind::Binary(operator, Box::new(left), Box::new(right)), span)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// Whether the token before this one is a closing parenthesis.
    fn closed_before(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].0 == Token::Sign(')')
    }

    fn prefix(&mut self) -> Result<Expr, SyntaxError> {
        let start = self.span().start;
        match self.peek() {
            Token::Operator(Binary::Subtract) => {
                self.next();
                let inner = self.expression(NEGATE)?;
                let span = start..inner.span.end;
                self.node(Kind::Negate(Box::new(inner)), span)
            }
            Token::Name(name) if name == "not" => {
                self.next();
                let inner = self.expression(NOT)?;
                let span = start..inner.span.end;
                self.node(Kind::Not(Box::new(inner)), span)
            }
            _ => self.postfix(),
        }
    }

    fn postfix(&mut self) -> Result<Expr, SyntaxError> {
        let mut atom = self.atom()?;
        while self.skip('@') {
            let (token, span) = self.next();
            let symbol = match token {
                Token::Name(text) => Symbol { text, quoted: false, span },
                Token::Text(text) => Symbol { text, quoted: true, span },
                Token::End => return Err(self.unexpected("a symbol")),
                _ => {
                    self.at -= 1;
                    let remedy = "quote a symbol that is not a plain name: close@\"600519.SS\"";
                    return Err(SyntaxError {
                        remedy: remedy.into(),
                        ..self.unexpected("a symbol")
                    });
                }
            };
            let whole = atom.span.start..symbol.span.end;
            atom = self.node(Kind::Elsewhere(Box::new(atom), symbol), whole)?;
        }
        Ok(atom)
    }

    fn atom(&mut self) -> Result<Expr, SyntaxError> {
        let span = self.span();
        match self.peek().clone() {
            Token::Number { value, integer } => {
                self.next();
                self.node(Kind::Number { value, integer }, span)
            }
            Token::Text(text) => {
                self.next();
                self.node(Kind::Text(text), span)
            }
            Token::Name(name) if name == "true" || name == "false" => {
                self.next();
                self.node(Kind::Bool(name == "true"), span)
            }
            Token::Name(name) if name == "in" => Err(self.unexpected("a value")),
            Token::Name(name) => {
                self.next();
                if !self.skip('(') {
                    return self.node(Kind::Name(name), span);
                }
                let (args, end) = self.items(')')?;
                let whole = span.start..end;
                self.node(Kind::Call { name, name_span: span, args }, whole)
            }
            Token::Sign('(') => {
                self.next();
                let inner = self.expression(0)?;
                let end = self.expect(')', "`)`")?;
                // Its parentheses belong to it wherever its text is shown.
                Ok(Expr { span: span.start..end, ..inner })
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn list(&mut self) -> Result<(Vec<Expr>, usize), SyntaxError> {
        self.expect('[', "a list such as [1, 2]")?;
        self.items(']')
    }

    /// Expressions separated by commas up to `close`; a comma may stand before it.
    fn items(&mut self, close: char) -> Result<(Vec<Expr>, usize), SyntaxError> {
        let mut items = Vec::new();
        loop {
            let end = self.span().end;
            if self.skip(close) {
                return Ok((items, end));
            }
            items.push(self.expression(0)?);
            if !self.skip(',') {
                let end = self.expect(close, &format!("`,` or `{close}`"))?;
                return Ok((items, end));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in prefix form.
    fn tree(text: &str) -> String {
        fn show(expr: &Expr) -> String {
            match &expr.kind {
                Kind::Number { value, .. } => value.to_string(),
                Kind::Text(text) => format!("'{text}'"),
                Kind::Bool(value) => value.to_string(),
                Kind::Name(name) => name.clone(),
                Kind::Not(inner) => format!("(not {})", show(inner)),
                Kind::Negate(inner) => format!("(- {})", show(inner)),
                Kind::Binary(op, a, b) => format!("({} {} {})", op.symbol(), show(a), show(b)),
                Kind::In(inner, items) => {
                    let items: Vec<_> = items.iter().map(show).collect();
                    format!("(in {} {})", show(inner), items.join(" "))
                }
                Kind::Call { name, args, .. } => {
                    let args: Vec<_> = args.iter().map(show).collect();
                    format!("{name}({})", args.join(" "))
                }
                Kind::Elsewhere(inner, symbol) => format!("{}@{}", show(inner), symbol.text),
            }
        }
        parse(text)
            .map_or_else(|error| format!("{}: {:?}", error.message, error.span), |e| show(&e))
    }

    #[test]
    fn operators_bind_as_in_arithmetic_and_logic() {
        assert_eq!(
            tree("a + b * c < d and not e or f"),
            "(or (and (< (+ a (* b c)) d) (not e)) f)"
        );
        assert_eq!(tree("a - b - c"), "(- (- a b) c)");
        assert_eq!(tree("-a * b"), "(* (- a) b)");
        assert_eq!(tree("x in [1, 2,] and y"), "(and (in x 1 2) y)");
        assert_eq!(tree("close@\"BTC/USDT\" > sma(close, 3)"), "(> close@BTC/USDT sma(close 3))");
        assert_eq!(tree("(a < b) == (c < d)"), "(== (< a b) (< c d))");
        assert_eq!(tree("metrics.sharpe > .5"), "(> metrics.sharpe 0.5)");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(tree("a < b < c"), "comparisons do not chain: 6..7");
        assert_eq!(tree("sma(close, "), "the expression ends where a value is needed: 11..11");
        assert_eq!(tree("a && b"), "`&&` is not part of an expression: 2..4");
        assert_eq!(tree("a b"), "`b` stands where an operator or the end is needed: 2..3");
        assert_eq!(tree("5x"), "`5x` is not a number: 0..2");
        assert_eq!(tree("close@600519"), "a value stands where a symbol is needed: 6..12");
        assert_eq!(tree("close@"), "the expression ends where a symbol is needed: 6..6");
    }

    #[test]
    fn what_other_languages_write_is_told_as_it_is_written_here() {
        for (text, remedy) in [
            ("a && b", "write `and`"),
            ("a | b", "write `or`"),
            ("a AND b", "write `and`"),
            (
                "in == 1",
                "`in` is a word of the language; give a column another name by `data.columns`",
            ),
            ("a <> b", "write `!=`"),
            ("a = b", "equality is written `==`"),
            ("a ** 2", "powers are not part of the language; multiply"),
            ("a ? b : c", "choose with `if(condition, a, b)`"),
            ("close[1]", "the value one bar ago is `lag(x, 1)`"),
            ("drawdown > 10%", "a rate is a fraction: 0.1 for 10 %"),
        ] {
            assert_eq!(parse(text).unwrap_err().remedy, remedy, "{text}");
        }
    }

    #[test]
    fn symbols_and_functions_are_no_names() {
        assert_eq!(names_in("sma(close@y, n) > b@\"x\""), ["close", "n", "b"]);
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        let deep = "(".repeat(100_000);
        assert!(tree(&deep).contains("nested more than"));
        let long = vec!["a"; 5_000].join("+");
        assert!(tree(&long).contains("more than 2000 parts"));
        let minus = "-".repeat(100_000);
        assert!(tree(&minus).contains("nested more than"));
    }
}
