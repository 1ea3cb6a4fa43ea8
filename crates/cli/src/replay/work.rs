//! Taking, sending and deleting, one message after the other.

use std::collections::BTreeSet;

use super::letter::Letter;
use super::source::Source;
use super::target::{NotSent, Target};
use crate::terminal::{BAD, FAINT, GOOD, PLACE, Stream, clean};

/// What is to be done, and what has been.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) max: Option<u32>,
    pub(super) keep: bool,
    pub(super) out: Stream,
    pub(super) sent: usize,
    pub(super) seen: usize,
    pub(super) failed: usize,
}

impl Work {
    /// Takes what is there, each message once, and sends it to `target`, or shows it where there is none.
    ///
    /// # Errors
    /// When the source gives no more or the target takes no more; everything that was not sent is in the source then.
    pub(super) async fn run(&mut self, source: &mut Source, target: Option<&Target>) -> Result<(), String> {
        let mut left = Vec::new();
        let ended = self.all(source, target, &mut left).await;
        source.release(&left).await;
        source.finish().and(ended)
    }

    async fn all(
        &mut self,
        source: &mut Source,
        target: Option<&Target>,
        left: &mut Vec<Letter>,
    ) -> Result<(), String> {
        let mut tried = BTreeSet::new();
        while !self.has_enough() {
            let letters = source.take().await.map_err(|failure| failure.message)?;
            let mut is_new = false;
            let mut ended = Ok(());
            for letter in letters {
                // What comes again while this runs has been tried.
                if ended.is_err() || self.has_enough() || !tried.insert(letter.id.clone()) {
                    left.push(letter);
                    continue;
                }
                is_new = true;
                self.seen += 1;
                let is_gone = match target {
                    None => {
                        self.out.line(&letter.describe());
                        Ok(false)
                    }
                    Some(target) => self.pass_on(&letter, source, target).await,
                };
                match is_gone {
                    Ok(true) => {}
                    Ok(false) => left.push(letter),
                    Err(why) => {
                        left.push(letter);
                        ended = Err(why);
                    }
                }
            }
            ended?;
            if !is_new {
                break;
            }
        }
        Ok(())
    }

    /// Sends one message, and deletes it then. Says whether it is gone.
    async fn pass_on(
        &mut self,
        letter: &Letter,
        source: &mut Source,
        target: &Target,
    ) -> Result<bool, String> {
        let what = self.out.paint(FAINT, &letter.describe());
        let failed = |out: Stream, why: &str| {
            out.line(&format!("{} {what}\n       {}", out.paint(BAD, "failed"), clean(why)));
        };
        match target.send(letter).await {
            Ok(()) => {}
            Err(NotSent::Message(why)) => {
                self.failed += 1;
                failed(self.out, &why);
                return Ok(false);
            }
            Err(NotSent::Target(why)) => {
                self.failed += 1;
                failed(self.out, &why);
                return Err("the target takes no messages now; what was not sent is where it was".to_owned());
            }
        }
        self.sent += 1;
        if self.keep {
            self.out.line(&format!("{}   {what}", self.out.paint(PLACE, "copied")));
            return Ok(false);
        }
        match source.delete(letter).await {
            Ok(()) => {
                self.out.line(&format!("{}   {what}", self.out.paint(GOOD, "sent")));
                Ok(true)
            }
            Err(failure) => {
                self.failed += 1;
                failed(
                    self.out,
                    &format!(
                        "it was sent, and is still where it was, so it may come twice: {}",
                        failure.message
                    ),
                );
                Ok(false)
            }
        }
    }

    fn has_enough(&self) -> bool {
        self.max.is_some_and(|max| self.seen >= usize::try_from(max).unwrap_or(usize::MAX))
    }
}
