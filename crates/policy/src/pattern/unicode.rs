//! The names that `\p{…}` takes in Go, as far as ASCII goes.
//!
//! The tables of Unicode are not kept here: which characters beyond ASCII such a class has is unknown. Letter case,
//! spaces, `_` and `-` in a name do not count (since Go 1.25).

use super::set::CharSet;

/// What a name stands for.
pub(super) enum Named {
    /// A class that Go knows.
    Class(CharSet),
    /// Nothing, whichever Unicode Go knows: the names of categories are settled, and those of scripts are letters.
    Nothing,
    /// Perhaps a script that some Go knows.
    Unsure,
}

/// The scripts without an ASCII character that every Go since 1.25 knows. Not so those with a name of several words,
/// which Go 1.25 and 1.26 do not find, nor those that came after Unicode 15.
const SCRIPTS: &str = "\
    adlam ahom arabic armenian avestan balinese bamum batak bengali bhaiksuki bopomofo brahmi braille \
    buginese buhid carian chakma cham cherokee chorasmian coptic cuneiform cypriot cyrillic deseret \
    devanagari dogra duployan elbasan elymaic ethiopic georgian glagolitic gothic grantha greek gujarati \
    gurmukhi han hangul hanunoo hatran hebrew hiragana inherited javanese kaithi kannada katakana kawi \
    kharoshthi khmer khojki khudawadi lao lepcha limbu lisu lycian lydian mahajani makasar malayalam mandaic \
    manichaean marchen medefaidrin miao modi mongolian mro multani myanmar nabataean nandinagari newa nko \
    nushu ogham oriya osage osmanya palmyrene phoenician rejang runic samaritan saurashtra sharada shavian \
    siddham sinhala sogdian soyombo sundanese syriac tagalog tagbanwa takri tamil tangsa tangut telugu \
    thaana thai tibetan tifinagh tirhuta toto ugaritic vai vithkuqi wancho yezidi yi";

/// What Go understands by a name.
pub(super) fn named(name: &str) -> Named {
    let name: String =
        name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
    match name.as_str() {
        "any" => return Named::Class(CharSet::all()),
        "ascii" => return Named::Class(CharSet::of(&[(0, 0x7f)])),
        _ => {}
    }
    if let Some(ranges) = ascii_part(&name) {
        Named::Class(CharSet::known_in_ascii(ranges))
    } else if name.len() < 2 || !name.bytes().all(|c| c.is_ascii_lowercase()) {
        Named::Nothing
    } else if SCRIPTS.split(' ').any(|script| script == name) {
        Named::Class(CharSet::known_in_ascii(&[]))
    } else {
        Named::Unsure
    }
}

/// The ASCII characters of a category, or of a script that has some.
fn ascii_part(name: &str) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        "assigned" => &[(0, 0x7f)],
        "c" | "other" | "cc" | "cntrl" | "control" => &[(0, 0x1f), (0x7f, 0x7f)],
        "cf" | "format" | "cn" | "unassigned" | "co" | "privateuse" | "cs" | "surrogate" => &[],
        "l" | "letter" | "lc" | "casedletter" | "latin" => &[(b'A', b'Z'), (b'a', b'z')],
        "ll" | "lowercaseletter" => &[(b'a', b'z')],
        "lu" | "uppercaseletter" => &[(b'A', b'Z')],
        "lt" | "titlecaseletter" | "lm" | "modifierletter" | "lo" | "otherletter" => &[],
        "m" | "mark" | "combiningmark" | "mc" | "spacingmark" | "me" | "enclosingmark" | "mn"
        | "nonspacingmark" => &[],
        "n" | "number" | "nd" | "decimalnumber" | "digit" => &[(b'0', b'9')],
        "nl" | "letternumber" | "no" | "othernumber" => &[],
        "p" | "punct" | "punctuation" => &[
            (b'!', b'#'),
            (b'%', b'*'),
            (b',', b'/'),
            (b':', b';'),
            (b'?', b'@'),
            (b'[', b']'),
            (b'_', b'_'),
            (b'{', b'{'),
            (b'}', b'}'),
        ],
        "pc" | "connectorpunctuation" => &[(b'_', b'_')],
        "pd" | "dashpunctuation" => &[(b'-', b'-')],
        "pe" | "closepunctuation" => &[(b')', b')'), (b']', b']'), (b'}', b'}')],
        "ps" | "openpunctuation" => &[(b'(', b'('), (b'[', b'['), (b'{', b'{')],
        "pf" | "finalpunctuation" | "pi" | "initialpunctuation" => &[],
        "po" | "otherpunctuation" => &[
            (b'!', b'#'),
            (b'%', b'\''),
            (b'*', b'*'),
            (b',', b','),
            (b'.', b'/'),
            (b':', b';'),
            (b'?', b'@'),
            (b'\\', b'\\'),
        ],
        "s" | "symbol" => &[
            (b'$', b'$'),
            (b'+', b'+'),
            (b'<', b'>'),
            (b'^', b'^'),
            (b'`', b'`'),
            (b'|', b'|'),
            (b'~', b'~'),
        ],
        "sc" | "currencysymbol" => &[(b'$', b'$')],
        "sk" | "modifiersymbol" => &[(b'^', b'^'), (b'`', b'`')],
        "sm" | "mathsymbol" => &[(b'+', b'+'), (b'<', b'>'), (b'|', b'|'), (b'~', b'~')],
        "so" | "othersymbol" => &[],
        "z" | "separator" | "zs" | "spaceseparator" => &[(b' ', b' ')],
        "zl" | "lineseparator" | "zp" | "paragraphseparator" => &[],
        "common" => &[(0, b'@'), (b'[', b'`'), (b'{', 0x7f)],
        _ => return None,
    })
}
