use conurb_base::Coded as _;
use conurb_traffic::assignment::{Counts, OdMatrix, TurnDemand, Zones};
use conurb_traffic::Network;
#[test]
fn tmp_expected() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let net = Network::from_json(&std::fs::read(corpus.join("roadnet/cross.json")).unwrap(), "cross.json").unwrap();
    let turns = std::fs::read(corpus.join("turn_table/two.csv")).unwrap();
    let flows = std::fs::read(corpus.join("entry_table/two.csv")).unwrap();
    let mut out = String::new();
    for kind in ["od_table", "zone_table", "entry_table", "turn_table", "count_table"] {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join("malformed").join(kind)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for f in files {
            let bytes = std::fs::read(&f).unwrap();
            let name = format!("{kind}/{}", f.file_name().unwrap().to_str().unwrap());
            let e = match kind {
                "od_table" => OdMatrix::from_csv(&bytes, &name, &net, &Zones::default()).err(),
                "zone_table" => Zones::from_csv(&bytes, &name, &net).err(),
                "entry_table" => TurnDemand::from_csv((&bytes, &name), (&turns, "two.csv"), &net).err(),
                "turn_table" => TurnDemand::from_csv((&flows, "two.csv"), (&bytes, &name), &net).err(),
                _ => Counts::from_csv(&bytes, &name, &net).err(),
            };
            let Some(e) = e else { panic!("{name} accepted") };
            let at = e.at().unwrap();
            assert_eq!(at.file.as_deref(), Some(name.as_str()));
            assert!(at.line.is_some(), "{name}");
            let r = e.remedy().unwrap();
            assert!(!r.is_empty());
            out += &format!("{}\n  {e}\n  {r}\n\n", e.code());
        }
    }
    std::fs::write("/tmp/od_expected.txt", out).unwrap();
}
