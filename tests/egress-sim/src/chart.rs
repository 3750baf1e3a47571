//! The charts: SVG by hand, on no ground of their own, in colours that stand on white and on black.

use std::fmt::Write;

use crate::{
    arguments::Size,
    day::{Cause, Day},
};

const INK: &str = "#7d8590";
const COLOURS: [&str; 7] = ["#d64545", "#d9822b", "#b79a1f", "#3b82c4", "#2f9e6e", "#b0569b", "#20a0a8"];
const WIDTH: f64 = 900.0;

/// File name and text of each.
pub fn all(size: &Size, days: &[(String, Day)]) -> Vec<(&'static str, String)> {
    let time = if size.hours == 24 { "one day".to_owned() } else { format!("{} hours", size.hours) };
    let of = format!(
        "{} nodes, {} pods, {} gateways, {time}",
        thousands(size.nodes.into()),
        thousands(size.endpoints.into()),
        size.gateways
    );
    let needless = |day: &Day, cause: Cause| day.moved.get(&cause).map_or(0, |(_, needless)| *needless);
    let writes = |day: &Day, cause: Cause| day.writes.get(&cause).copied().unwrap_or_default();
    let moved = |day: &Day| vec![("gateway dead or gone", day.needed()), ("without need", day.needless())];
    let by_cause = |of: &dyn Fn(&Day, Cause) -> u64, day: &Day| {
        Cause::ALL.into_iter().map(|cause| (cause.words(), of(day, cause))).collect::<Vec<_>>()
    };
    let series = |of: &dyn Fn(&crate::day::Sample) -> f64| {
        days.iter()
            .map(|(name, day)| {
                let points = day.samples.iter().map(|sample| (f64::from(sample.minute) / 60.0, of(sample)));
                (name.as_str(), points.collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    };
    let bars_of = |parts: &dyn Fn(&Day) -> Vec<(&'static str, u64)>| {
        days.iter().map(|(name, day)| (name.as_str(), parts(day))).collect::<Vec<_>>()
    };
    vec![
        (
            "movement.svg",
            bars(
                "Pods moved to another gateway",
                &of,
                "pods moved in the day, logarithmic",
                &bars_of(&moved),
                Scale::Logarithmic,
            ),
        ),
        (
            "causes.svg",
            bars(
                "Pods moved without need, by cause",
                &of,
                "pods moved in the day, logarithmic",
                &bars_of(&|day| by_cause(&needless, day)),
                Scale::Logarithmic,
            ),
        ),
        (
            "writes.svg",
            bars(
                "EgressSlices written",
                &of,
                "objects written in the day",
                &bars_of(&|day| by_cause(&writes, day)),
                Scale::Linear,
            ),
        ),
        (
            "imbalance.svg",
            lines(
                "The fullest gateway of any policy",
                &of,
                "hour of the day",
                "pods, in fair shares of its policy",
                &series(&|sample| sample.fullest),
                Scale::Linear,
            ),
        ),
        (
            "over-the-day.svg",
            lines(
                "Pods moved without need so far",
                &of,
                "hour of the day",
                "pods, logarithmic",
                &series(&|sample| sample.moved as f64),
                Scale::Logarithmic,
            ),
        ),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    /// Nothing is one below one.
    Logarithmic,
}

impl Scale {
    /// From 0 to 1.
    fn place(self, value: f64, most: f64) -> f64 {
        match self {
            Scale::Linear => value / most.max(f64::MIN_POSITIVE),
            Scale::Logarithmic => (value + 1.0).log10() / (most + 1.0).log10().max(f64::MIN_POSITIVE),
        }
    }

    fn ticks(self, most: f64) -> Vec<f64> {
        match self {
            Scale::Linear => {
                let rough = most / 5.0;
                let power = 10_f64.powf(rough.max(f64::MIN_POSITIVE).log10().floor());
                let step = [1.0, 2.0, 2.5, 5.0, 10.0]
                    .map(|one| one * power)
                    .into_iter()
                    .find(|step| *step >= rough)
                    .unwrap_or(rough);
                (0..).map(|number| f64::from(number) * step).take_while(|tick| *tick <= most).collect()
            }
            Scale::Logarithmic => {
                let powers = (0..12).map(|power| 10_f64.powi(power)).take_while(|tick| *tick <= most);
                std::iter::once(0.0).chain(powers).collect()
            }
        }
    }
}

/// A bar per strategy. On a logarithmic scale parts cannot stand end to end: each has a bar of its own.
fn bars(title: &str, of: &str, axis: &str, rows: &[(&str, Vec<(&'static str, u64)>)], scale: Scale) -> String {
    let (left, right, top) = (130.0, 90.0, 96.0);
    let apart = scale == Scale::Logarithmic;
    let parts = rows.first().map_or(0, |(_, parts)| parts.len());
    let row = if apart { 12.0 * parts as f64 + 14.0 } else { 34.0 };
    let bottom = top + row * rows.len() as f64;
    let value = |parts: &Vec<(&str, u64)>| -> f64 {
        let values = parts.iter().map(|(_, value)| *value as f64);
        if apart { values.fold(0.0, f64::max) } else { values.sum() }
    };
    let most = rows.iter().map(|(_, parts)| value(parts)).fold(1.0, f64::max);
    let width = WIDTH - left - right;
    let mut svg = head(title, of, bottom + 56.0);
    legend(&mut svg, rows.first().map(|(_, parts)| parts.iter().map(|(name, _)| *name).collect()).unwrap_or_default());
    for tick in scale.ticks(most) {
        let x = left + width * scale.place(tick, most);
        line(&mut svg, (x, top), (x, bottom), 0.3);
        text(&mut svg, (x, bottom + 18.0), "middle", "", &thousands(tick as u64));
    }
    for (index, (name, parts)) in rows.iter().enumerate() {
        let y = top + row * index as f64;
        text(&mut svg, (left - 10.0, y + row / 2.0 + 4.0), "end", "", name);
        let mut x = left;
        for (place, (_, value)) in parts.iter().enumerate() {
            let long = width * scale.place(*value as f64, most);
            let (from, y, high) = if apart { (left, y + 7.0 + 12.0 * place as f64, 11.0) } else { (x, y + 7.0, 20.0) };
            let _ = writeln!(
                svg,
                r#"<rect x="{from:.1}" y="{y:.1}" width="{long:.1}" height="{high}" fill="{}"/>"#,
                colour(place)
            );
            if apart {
                text(&mut svg, (from + long + 5.0, y + 9.5), "start", "font-size=\"11\"", &thousands(*value));
            }
            x += long;
        }
        if !apart {
            text(&mut svg, (x + 6.0, y + 22.0), "start", "", &thousands(value(parts) as u64));
        }
    }
    line(&mut svg, (left, top), (left, bottom), 1.0);
    text(&mut svg, (left + width / 2.0, bottom + 42.0), "middle", "", axis);
    svg + "</svg>\n"
}

fn lines(
    title: &str,
    of: &str,
    x_axis: &str,
    y_axis: &str,
    series: &[(&str, Vec<(f64, f64)>)],
    scale: Scale,
) -> String {
    let (left, right, top, bottom) = (80.0, 30.0, 104.0, 400.0);
    let width = WIDTH - left - right;
    let most = series.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(1.0, f64::max);
    let most = if scale == Scale::Linear { most * 1.05 } else { most };
    let x = |hour: f64| left + width * hour / 24.0;
    let y = |value: f64| bottom - (bottom - top) * scale.place(value, most);
    let mut svg = head(title, of, bottom + 56.0);
    legend(&mut svg, series.iter().map(|(name, _)| *name).collect());
    for tick in scale.ticks(most) {
        line(&mut svg, (left, y(tick)), (left + width, y(tick)), 0.3);
        let label = if scale == Scale::Linear && most < 10.0 { format!("{tick:.1}") } else { thousands(tick as u64) };
        text(&mut svg, (left - 8.0, y(tick) + 4.0), "end", "", &label);
    }
    for hour in (0..=24).step_by(3) {
        text(&mut svg, (x(f64::from(hour)), bottom + 18.0), "middle", "", &hour.to_string());
    }
    for (place, (_, points)) in series.iter().enumerate() {
        let path: Vec<String> =
            points.iter().map(|(hour, value)| format!("{:.1},{:.1}", x(*hour), y(*value))).collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-linejoin="round"/>"#,
            path.join(" "),
            colour(place)
        );
    }
    line(&mut svg, (left, bottom), (left + width, bottom), 1.0);
    line(&mut svg, (left, top), (left, bottom), 1.0);
    text(&mut svg, (left + width / 2.0, bottom + 42.0), "middle", "", x_axis);
    let turned = format!(r#"transform="rotate(-90 20 {0})""#, (top + bottom) / 2.0);
    text(&mut svg, (20.0, (top + bottom) / 2.0), "middle", &turned, y_axis);
    svg + "</svg>\n"
}

fn head(title: &str, of: &str, height: f64) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13" role="img">"#
    );
    let _ = writeln!(svg, "\n<title>{title}</title>");
    text(&mut svg, (16.0, 28.0), "start", "font-size=\"18\" font-weight=\"600\"", title);
    text(&mut svg, (16.0, 48.0), "start", "", of);
    svg
}

fn legend(svg: &mut String, names: Vec<&str>) {
    let mut x = 16.0;
    for (place, name) in names.into_iter().enumerate() {
        let _ = writeln!(svg, r#"<rect x="{x:.1}" y="62" width="12" height="12" rx="2" fill="{}"/>"#, colour(place));
        text(svg, (x + 17.0, 73.0), "start", "", name);
        x += 17.0 + 7.4 * name.len() as f64 + 18.0;
    }
}

fn colour(place: usize) -> &'static str {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(INK)
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), strength: f64) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        svg,
        r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{INK}" stroke-opacity="{strength}"/>"#
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, more: &str, text: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="{INK}" {more}>{text}</text>"#);
}

/// `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
