//! `conurb sim convert`: networks and demand from one format into another; what is not modelled is
//! listed, never dropped in silence.

use std::path::Path;

use conurb_traffic::Clearance;
use conurb_traffic::sumo::{plain_files, routes_xml};

use super::args::{ConvertArgs, FormatArg};
use crate::city;
use crate::fail::{Failure, io};
use crate::out::{Lang, say, tell};

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs, lang: Lang) -> Result<(), Failure> {
    // SUMO runs the programmes by themselves; a controller of ours clears between any two phases.
    let clearance = match args.to {
        FormatArg::Cityflow => Clearance::First,
        FormatArg::Sumo => Clearance::Between,
    };
    let buses = args.city.buses.gtfs.is_some();
    let city = match (&args.city.network, &args.city.demand) {
        (Some(network), None) if !buses && city::maps::is_map(network) => {
            city::maps::network_only(&args.city.map, network, clearance)?
        }
        _ => city::load_for(&args.city, city::ALL_DAY_S, clearance)?,
    };
    let demand = args.city.demand.is_some() || args.city.gen_spec.is_some() || buses;
    std::fs::create_dir_all(&args.out).map_err(|e| io(&args.out, "cannot make", &e))?;
    let mut files: Vec<(&str, String)> = Vec::new();
    match args.to {
        FormatArg::Cityflow => {
            let written = |e: serde_json::Error| {
                Failure::plain(format!("the city cannot be written: {e}"), None)
            };
            let network = serde_json::to_string(&city.network.to_file()).map_err(written)?;
            files.push(("roadnet.json", network));
            if demand {
                let flows = city.demand.to_flows(&city.network);
                files.push(("flow.json", serde_json::to_string(&flows).map_err(written)?));
            }
            if !city.changes()?.is_empty() {
                let changes = serde_json::to_string(&city.changes).map_err(written)?;
                files.push(("changes.json", changes));
            }
        }
        FormatArg::Sumo => {
            let plain = plain_files(&city.network);
            files.push(("net.nod.xml", plain.nodes));
            files.push(("net.edg.xml", plain.edges));
            files.push(("net.con.xml", plain.connections));
            files.push(("net.tll.xml", plain.programmes));
            if !city.changes()?.is_empty() {
                tell(lang.pick(
                    "附加文件中的封闭与限速未写出：SUMO 可直接读取原文件",
                    "closures and speed limits of the additional files are not written: SUMO reads those files",
                ));
            }
            if demand {
                let routes = routes_xml(&city.network, &city.demand, None);
                files.push(("routes.rou.xml", routes));
            }
        }
    }
    for (name, text) in &files {
        write(&args.out, name, text)?;
    }
    for note in city.inputs.iter().flat_map(|i| &i.notes) {
        tell(&format!("note: {note}"));
    }
    if matches!(args.to, FormatArg::Sumo) {
        tell(lang.pick(
            "用 netconvert -n net.nod.xml -e net.edg.xml -x net.con.xml -i net.tll.xml -o net.net.xml 合成路网",
            "make the network with: netconvert -n net.nod.xml -e net.edg.xml -x net.con.xml -i net.tll.xml -o net.net.xml",
        ));
    }
    say(&args.out.display().to_string());
    Ok(())
}

/// Writes one of the files of a result.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(|e| io(&file, "cannot write", &e))
}
