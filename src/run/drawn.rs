//! What can be told of values that a target drew: how many alike, how much of each is chance, and whether they come in
//! order. A judge sees no secrets, so that this is found out when they are there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Facts about values in the order in which they were drawn: `number`, `distinct`, `varying` (characters of each that are
/// not the same in all, where all are as long; beginning and end in common aside, of those of different lengths the
/// shortest has so many), `alphabet` (different characters at these places), `bits` (how much there can be in them at the
/// most) and `order_p`: how likely it is that chance makes so many of them greater than the one before, or so few (the
/// number of ascents of a permutation, by the normal distribution; exact enough from twenty on).
pub fn facts(values: &[String]) -> Value {
    let characters: Vec<Vec<char>> = values.iter().map(|text| text.chars().collect()).collect();
    let shortest = characters.iter().map(Vec::len).min().unwrap_or(0);
    let is_one_length = characters.iter().all(|text| text.len() == shortest);
    let at =
        |place: usize| -> BTreeSet<char> { characters.iter().map(|text| text[place]).collect() };
    let begins_alike = (0..shortest)
        .take_while(|place| at(*place).len() == 1)
        .count();
    let end = |back: usize| -> BTreeSet<char> {
        characters
            .iter()
            .map(|text| text[text.len() - 1 - back])
            .collect()
    };
    let ends_alike = (0..shortest - begins_alike)
        .take_while(|back| end(*back).len() == 1)
        .count();
    let places: Vec<usize> = (begins_alike..shortest - ends_alike)
        .filter(|place| !is_one_length || at(*place).len() > 1)
        .collect();
    let alphabet: BTreeSet<char> = places.iter().flat_map(|place| at(*place)).collect();
    let bits = places.len() as f64 * (alphabet.len().max(1) as f64).log2();
    let distinct: BTreeSet<&String> = values.iter().collect();
    json!({
        "number": values.len(),
        "distinct": distinct.len(),
        "varying": places.len(),
        "alphabet": alphabet.len(),
        "bits": bits.floor(),
        "order_p": order(values),
    })
}

fn order(values: &[String]) -> f64 {
    let number = values.len() as f64;
    if number < 2.0 {
        return 1.0;
    }
    let ascents = values.windows(2).filter(|pair| pair[0] < pair[1]).count() as f64;
    let off = (ascents - (number - 1.0) / 2.0).abs() - 0.5;
    let deviations = off.max(0.0) / ((number + 1.0) / 12.0).sqrt();
    two_sided(deviations)
}

/// How likely a normal variable is so many standard deviations off or more (Abramowitz and Stegun 7.1.26, with an error
/// below 1.5e-7, which is why nothing is said to be less likely than that).
fn two_sided(deviations: f64) -> f64 {
    let x = deviations / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (polynomial * (-x * x).exp()).max(1.5e-7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that looks like chance, in hexadecimal.
    fn drawn(number: u64) -> String {
        let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
        let mut text = String::new();
        for _ in 0..4 {
            state ^= state >> 33;
            state = state.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
            state ^= state >> 29;
            text.push_str(&format!("{state:016x}"));
        }
        text
    }

    fn of(make: impl Fn(u64) -> String) -> Value {
        facts(&(1..=100).map(make).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_drawn_by_chance_has_all_its_bits_and_no_order() {
        let facts = of(|number| format!("sk_{}", drawn(number)));
        assert_eq!(facts["distinct"], 100);
        assert_eq!(facts["varying"], 64);
        assert_eq!(facts["alphabet"], 16);
        assert_eq!(facts["bits"], 256.0);
        assert!(facts["order_p"].as_f64().unwrap() > 0.001, "{facts}");
    }

    #[test]
    fn a_counter_has_few_bits_and_an_order() {
        let facts = of(|number| format!("sk_{number:064x}_live"));
        assert_eq!(facts["varying"], 2);
        assert_eq!(facts["bits"], 8.0);
        assert!(facts["order_p"].as_f64().unwrap() < 1e-6, "{facts}");
    }

    #[test]
    fn a_time_before_what_is_drawn_shows_as_order() {
        let facts = of(|number| format!("sk_{:012x}{}", number * 9_973, drawn(number)));
        assert!(facts["bits"].as_f64().unwrap() > 256.0);
        assert!(facts["order_p"].as_f64().unwrap() < 1e-6, "{facts}");
    }

    #[test]
    fn those_of_one_kind_are_counted_once_and_none_are_no_trouble() {
        let facts = of(|_| "sk_same".to_owned());
        assert_eq!(facts["distinct"], 1);
        assert_eq!(facts["bits"], 0.0);
        assert_eq!(super::facts(&[])["number"], 0);
        assert_eq!(super::facts(&[])["order_p"], 1.0);
    }
}
