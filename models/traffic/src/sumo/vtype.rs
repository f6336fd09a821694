//! Vehicle types: SUMO's attributes and defaults to the parameters of our following model.

use super::unmodelled::Unmodelled;
use super::xml::{Element, Xml};
use crate::error::TrafficError;
use crate::vehicle::{VehicleClass, VehicleTemplate};

/// A vehicle type as SUMO knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VType {
    pub(super) class: String,
    length_m: f64,
    width_m: f64,
    min_gap_m: f64,
    max_speed_m_s: f64,
    accel_m_s2: f64,
    decel_m_s2: f64,
    tau_s: f64,
    sigma: f64,
    speed_factor: f64,
    speed_dev: f64,
    factor_min: f64,
    factor_max: f64,
}

/// Classes that drive on lanes for cars, with SUMO's defaults: length, width m, top speed m/s,
/// acceleration, deceleration m/s^2, deviation of the speed factor.
const CLASSES: &str = include_str!("vclass.csv");

/// Lengths, speeds, accelerations and times stay below this, in m and s.
const NUMBER_MAX: f64 = 1e6;

/// Attributes without influence on the simulation.
const SILENT: [&str; 12] = [
    "id",
    "color",
    "guiShape",
    "imgFile",
    "emissionClass",
    "vClass",
    "height",
    "osgFile",
    "probability",
    "personCapacity",
    "containerCapacity",
    "boardingDuration",
];

/// A bus with SUMO's defaults; `limit_m_s` is the network's highest speed limit.
pub(crate) fn bus(limit_m_s: f64) -> VehicleTemplate {
    let class = VType::of_class("bus").expect("the table of classes has buses");
    class.template(1.0, limit_m_s)
}

impl VType {
    /// The defaults of a class; none for classes that do not drive on lanes for cars.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        let row = CLASSES
            .lines()
            .skip(1)
            .find(|row| row.split(',').next() == Some(class))?;
        let mut numbers = row.split(',').skip(1).map(|n| n.parse::<f64>());
        let mut next = || numbers.next()?.ok();
        Some(Self {
            class: class.to_owned(),
            length_m: next()?,
            width_m: next()?,
            min_gap_m: next()?,
            max_speed_m_s: next()?,
            accel_m_s2: next()?,
            decel_m_s2: next()?,
            speed_dev: next()?,
            tau_s: 1.0,
            sigma: 0.5,
            speed_factor: 1.0,
            factor_min: 0.2,
            factor_max: 2.0,
        })
    }

    /// Reads a `vType`; none for a class that does not drive on lanes for cars.
    pub(super) fn read(
        xml: &mut Xml<'_>,
        e: &Element,
        file: &str,
        un: &mut Unmodelled,
    ) -> Result<Option<Self>, TrafficError> {
        let Some(mut t) = Self::of_class(e.get("vClass").unwrap_or("passenger")) else {
            return Ok(None);
        };
        for (name, target, or_zero) in [
            ("length", &mut t.length_m, false),
            ("width", &mut t.width_m, false),
            ("minGap", &mut t.min_gap_m, true),
            ("maxSpeed", &mut t.max_speed_m_s, false),
            ("accel", &mut t.accel_m_s2, false),
            ("decel", &mut t.decel_m_s2, false),
            ("tau", &mut t.tau_s, true),
            ("sigma", &mut t.sigma, true),
            ("speedDev", &mut t.speed_dev, true),
        ] {
            if let Some(value) = xml.number_if(e, name)? {
                if value >= NUMBER_MAX {
                    return Err(TrafficError::BadNumber {
                        at: xml.at(e, name),
                        what: name,
                        value,
                        rule: "it has to be below 1,000,000",
                    });
                }
                *target = xml.positive(e, name, value, or_zero)?;
            }
        }
        t.factor(xml, e)?;
        let line = xml.line(e);
        if let Some(model) = e.get("carFollowModel").filter(|m| *m != "Krauss") {
            un.add(
                &format!("car-following model `{model}`: driven by the safe speed of Krauss"),
                file,
                line,
            );
        }
        let read = [
            "length",
            "width",
            "minGap",
            "maxSpeed",
            "accel",
            "decel",
            "tau",
            "sigma",
            "speedDev",
            "speedFactor",
            "carFollowModel",
        ];
        for name in e.names() {
            if !read.contains(&name) && !SILENT.contains(&name) {
                un.add(&format!("vType attribute `{name}`: not used"), file, line);
            }
        }
        Ok(Some(t))
    }

    /// `speedFactor`: a number, or `norm(mean, dev)`, `normc(mean, dev, min, max)`.
    fn factor(&mut self, xml: &Xml<'_>, e: &Element) -> Result<(), TrafficError> {
        let Some(text) = e.get("speedFactor") else {
            return Ok(());
        };
        let wrong = || TrafficError::Syntax {
            at: xml.at(e, "speedFactor"),
            message: format!("\"{text}\" is neither a number above 0 nor normc(mean,dev,min,max)"),
        };
        let inner = text
            .split_once('(')
            .map_or(text, |(_, rest)| rest.trim_end_matches(')'));
        let numbers: Vec<f64> = inner
            .split(',')
            .map(|n| {
                n.trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite() && *n >= 0.0)
            })
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        self.speed_factor = numbers
            .first()
            .copied()
            .filter(|f| *f > 0.0)
            .ok_or_else(wrong)?;
        if let Some(dev) = numbers.get(1) {
            self.speed_dev = *dev;
        }
        if let (Some(min), Some(max)) = (numbers.get(2), numbers.get(3)) {
            if min > max {
                return Err(wrong());
            }
            (self.factor_min, self.factor_max) = (min.max(0.01), *max);
        }
        Ok(())
    }

    /// The speed factor of one driver: `normal` is a standard normal deviate. Rounded to 0.01 so
    /// that a fleet has some sixty templates, not one a vehicle.
    pub(super) fn factor_of(&self, normal: f64) -> f64 {
        let factor = self.speed_factor + self.speed_dev * normal;
        let low = self.factor_min.min(self.speed_factor);
        let high = self.factor_max.max(self.speed_factor);
        ((factor.clamp(low, high) * 100.0).round() / 100.0).max(0.01)
    }

    /// Our parameters. `limit_m_s` is the network's highest speed limit: nobody drives faster.
    pub(super) fn template(&self, factor: f64, limit_m_s: f64) -> VehicleTemplate {
        VehicleTemplate {
            length_m: self.length_m,
            width_m: self.width_m,
            min_gap_m: self.min_gap_m,
            max_pos_acc_m_s2: self.accel_m_s2,
            max_neg_acc_m_s2: self.decel_m_s2,
            usual_pos_acc_m_s2: self.accel_m_s2,
            usual_neg_acc_m_s2: self.decel_m_s2,
            max_speed_m_s: self.max_speed_m_s.min(limit_m_s * factor),
            headway_s: self.tau_s,
            speed_factor: factor,
            dawdle_m_s2: self.sigma.min(1.0) * self.accel_m_s2 / 2.0,
            class: match self.class.as_str() {
                "bus" | "coach" | "trolleybus" => VehicleClass::Bus,
                "truck" | "trailer" | "delivery" => VehicleClass::Truck,
                "emergency" => VehicleClass::Emergency,
                _ => VehicleClass::Car,
            },
        }
    }
}
