//! Text to words, and words to the stems they are compared by.
//!
//! The stemmer is deliberately small: it only has to map the forms of a word that people write in
//! prompts onto one spelling, the same way for the vocabulary and for the prompt. What it cannot
//! know (men, wolves, ran) is listed under `[forms]` in the vocabulary.

/// One word of a text, or a break between phrases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// As written, in lower case; empty for a break.
    pub(super) word: String,
    /// What it is compared by; empty for a break.
    pub(super) stem: String,
}

impl Token {
    pub(super) fn is_break(&self) -> bool {
        self.word.is_empty()
    }
}

/// Splits a text into words and breaks. Apostrophes stay inside words, hyphens divide them.
pub(super) fn tokens(text: &str, stem: impl Fn(&str) -> String) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut word = String::new();
    let flush = |word: &mut String, found: &mut Vec<Token>| {
        let bare = word.trim_matches('\'').to_owned();
        word.clear();
        if !bare.is_empty() {
            found.push(Token { stem: stem(&bare), word: bare });
        }
    };
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '’' | '\'' => word.push('\''),
            letter if letter.is_alphanumeric() => word.push(letter),
            ',' | '.' | ';' | ':' | '!' | '?' | '(' | ')' | '—' | '–' | '\n' | '"' | '“' | '”' =>
            {
                flush(&mut word, &mut found);
                if found.last().is_some_and(|last| !last.is_break()) {
                    found.push(Token { word: String::new(), stem: String::new() });
                }
            }
            _ => flush(&mut word, &mut found),
        }
    }
    flush(&mut word, &mut found);
    found
}

/// The regular part of stemming: plurals, `-ing`, `-ed`, a silent `e`.
pub(super) fn regular_stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if !word.is_ascii() || word.len() < 4 {
        return word.to_owned();
    }
    let base = singular(word);
    let base = ["ing", "ed"]
        .iter()
        .find_map(|suffix| {
            let stem = base.strip_suffix(suffix)?;
            (stem.len() >= 3 && stem.contains(['a', 'e', 'i', 'o', 'u', 'y'])).then_some(stem)
        })
        .map_or(base.clone(), undouble);
    base.strip_suffix('e').filter(|stem| stem.len() > 3).unwrap_or(&base).to_owned()
}

fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for suffix in ["sses", "shes", "ches", "xes"] {
        if word.ends_with(suffix) {
            return word.get(..word.len() - 2).unwrap_or(word).to_owned();
        }
    }
    let keeps_its_s = word.ends_with("ss") || word.ends_with("us") || word.ends_with("is");
    match word.strip_suffix('s') {
        Some(stem) if !keeps_its_s => stem.to_owned(),
        _ => word.to_owned(),
    }
}

fn undouble(stem: &str) -> String {
    let mut letters = stem.chars().rev();
    let (last, before) = (letters.next(), letters.next());
    let doubled = last == before && !matches!(last, Some('l' | 's' | 'z' | 'f' | 'e' | 'o'));
    if doubled { stem.chars().take(stem.chars().count() - 1).collect() } else { stem.to_owned() }
}
