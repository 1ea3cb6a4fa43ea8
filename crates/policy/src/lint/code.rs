//! The rules by code. A code, once given, keeps its meaning; one that is retired is not given again.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The server refuses the policy or can never admit anybody by it; or it admits strangers.
    Error,
    /// It may admit more than is meant, or is judged differently by some servers.
    Warning,
}

impl Severity {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $slug:literal, $severity:ident, $title:literal;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(
                #[doc = concat!("`", $number, "` ", $slug, ": ", $title, ".")]
                $variant,
            )*
        }

        impl Code {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As in `GP001`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $number,)* }
            }

            /// A few words with hyphens, as in `unknown-key`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What it finds, in half a sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    Unreadable = "GP001", "unreadable", Error, "the file cannot be read as text";
    Syntax = "GP002", "syntax", Error, "the file is not YAML";
    UnknownKey = "GP003", "unknown-key", Error, "the server does not know this key";
    RepeatedKey = "GP004", "repeated-key", Error, "a key is given twice";
    WrongType = "GP005", "wrong-type", Error, "a value of the wrong kind";
    NotPortable = "GP006", "not-portable", Error, "YAML that readers take differently";
    NoIssuer = "GP007", "issuer-missing", Error, "not exactly one of issuer and issuer_pattern";
    NoSubject = "GP008", "subject-missing", Error, "not exactly one of subject and subject_pattern";
    TwoAudiences = "GP009", "audience-twice", Error, "both audience and audience_pattern";
    BrokenPattern = "GP010", "broken-pattern", Error, "the pattern is not one to Go";
    UnknownPermission = "GP011", "unknown-permission", Error, "a permission that the server does not know";
    RepositoriesHere = "GP012", "repositories-misplaced", Error, "repositories in a repository's own policy";
    NewerOnly = "GP013", "newer-servers-only", Error, "a key that only newer servers know";
    Coerced = "GP014", "coerced-value", Error, "a bare number or boolean where text belongs";
    SecondDocument = "GP015", "second-document", Warning, "only the first document counts";
    FileName = "GP016", "file-name", Error, "the server does not find the file under this name";
    FilePlace = "GP017", "file-place", Error, "the server does not look for policies here";
    StrayWhitespace = "GP018", "stray-whitespace", Error, "white space that no token has";
    IssuerNearMiss = "GP019", "issuer-near-miss", Error, "an issuer that differs a little from a known one";
    ImpossibleIssuer = "GP020", "impossible-issuer", Error, "an issuer that the server refuses in every token";
    SubjectForm = "GP021", "subject-form", Error, "a subject in a form that this issuer never gives";
    ImpossibleSubject = "GP022", "impossible-subject", Error, "a subject that the server refuses in every token";
    OldGitHubSubject = "GP023", "old-github-subject", Warning, "a GitHub subject in its old form";
    AudienceMissing = "GP024", "audience-missing", Error, "no audience where the issuer's tokens cannot carry the default one";
    AudienceForm = "GP025", "audience-form", Error, "an audience in a form that this issuer never gives";
    ImpossibleAudience = "GP026", "impossible-audience", Error, "an audience that the server refuses in every token";
    AudienceNotDomain = "GP027", "audience-not-domain", Warning, "another audience than the one that tokens are asked for";
    GlobInExact = "GP028", "glob-in-exact-field", Error, "a glob where the text is compared as it is";
    PatternInExact = "GP029", "pattern-in-exact-field", Error, "a pattern where the text is compared as it is";
    GlobInPattern = "GP030", "glob-in-pattern", Error, "a glob where a pattern belongs";
    Ungrouped = "GP031", "ungrouped-alternation", Warning, "an alternation that older servers anchor at one end only";
    GroupLeft = "GP032", "unbalanced-group", Error, "a parenthesis that ends the server's own group";
    UnescapedDot = "GP033", "unescaped-dot", Warning, "a dot that matches any character";
    PatternNotJudged = "GP034", "pattern-not-judged", Warning, "a pattern that cannot be judged faithfully";
    ClaimNeverMatches = "GP035", "claim-never-matches", Error, "a claim that is not text and can never be matched";
    ClaimUnknown = "GP036", "claim-unknown", Warning, "a claim that this issuer's tokens do not have";
    ClaimForm = "GP037", "claim-form", Error, "a claim's value in a form that this issuer never gives";
    AdmitsIssuers = "GP038", "admits-other-issuers", Error, "the pattern admits issuers of others";
    AdmitsOwners = "GP039", "admits-other-owners", Error, "the pattern admits other organisations or accounts";
    AdmitsIdentities = "GP040", "admits-any-identity", Error, "the pattern admits any identity of the issuer";
    AdmitsRepositories = "GP041", "admits-other-repositories", Warning, "the pattern admits other repositories";
    AdmitsRefs = "GP042", "admits-other-refs", Warning, "the pattern admits other branches, tags and pull requests";
    AnyAudience = "GP043", "admits-other-audiences", Warning, "the pattern admits tokens that are meant for others";
    PermissionLevel = "GP044", "permission-level", Error, "a level that GitHub does not know";
    PermissionNotGranted = "GP045", "permission-not-granted", Error, "a permission that the hosted App cannot grant";
    PermissionsEmpty = "GP046", "permissions-empty", Error, "no permissions";
    RepositoriesAll = "GP047", "repositories-all", Warning, "an organisation's policy that reaches every repository";
    RepositoryName = "GP048", "repository-name", Error, "an entry that is not a repository's name";
    RepositoryTwice = "GP049", "repository-twice", Warning, "a repository that is listed twice";
    AllowListInvalid = "GP050", "allow-list-invalid", Error, "the server refuses the list of trusted issuers, and with it every exchange";
    AllowListAudit = "GP051", "allow-list-audit", Warning, "the list of trusted issuers only watches";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
