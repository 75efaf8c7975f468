//! Dates in cookies, which are read more freely than other dates: RFC 6265 §5.1.1.

use jiff::civil::DateTime;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Seconds since 1970, or `None` where a browser ignores the date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_delimiter = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    for word in text.split(is_delimiter).filter(|word| !word.is_empty()) {
        if time.is_none()
            && let Some(found) = clock(word)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = leading_number(word, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = named_month(word)
        {
            month = Some(found);
        } else if year.is_none() {
            year = leading_number(word, 2, 4);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        y @ 70..=99 => y + 1900,
        y @ 0..=69 => y + 2000,
        y => y,
    };
    if year < 1601 {
        return None;
    }
    let small = |n: i16| i8::try_from(n).ok();
    let date = DateTime::new(
        year,
        month?,
        small(day?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    Some(date.duration_since(epoch).as_secs())
}

/// `hh:mm:ss`, each of one or two digits, with anything but a digit after it.
fn clock(word: &str) -> Option<(i16, i16, i16)> {
    let mut parts = word.splitn(3, ':');
    let hour = parts.next()?;
    let minute = parts.next()?;
    let second = parts.next()?;
    let whole = |part: &str| {
        let n = leading_number(part, 1, 2)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(n)
    };
    Some((whole(hour)?, whole(minute)?, leading_number(second, 1, 2)?))
}

/// Between `least` and `most` digits that open `word` and that no further digit follows.
fn leading_number(word: &str, least: usize, most: usize) -> Option<i16> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits < least || digits > most {
        return None;
    }
    word[..digits].parse().ok()
}

fn named_month(word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    (1..)
        .zip(MONTHS)
        .find(|(_, name)| *name == start)
        .map(|(n, _)| n)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn good() {
        for (text, seconds) in [
            ("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480),
            ("Wednesday, 21-Oct-15 07:28:00 GMT", 1_445_412_480),
            ("Wed Oct 21 07:28:00 2015", 1_445_412_480),
            ("21 october 2015 7:28:0 nonsense", 1_445_412_480),
            ("Thu, 01-Jan-1970 00:00:00 GMT", 0),
            ("Thu, 01 Jan 70 00:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn bad() {
        for text in [
            "",
            "soon",
            "Wed, 21 Oct 2015",
            "Wed, 32 Oct 2015 07:28:00 GMT",
            "Wed, 30 Feb 2015 07:28:00 GMT",
            "Wed, 21 Oct 1600 07:28:00 GMT",
            "Wed, 21 Oct 20155 07:28:00 GMT",
            "Wed, 21 Oct 2015 24:28:00 GMT",
            "Wed, 21 Oct 2015 007:28:00 GMT",
            "1445412480",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
