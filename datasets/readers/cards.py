"""The cards of all benchmarks that looktwice reads."""

from __future__ import annotations

from looktwice.datasets.readers.card import Card

_MVTEC_TREE = "<category>/{train/good, test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png}"
_BMAD = "https://github.com/DorisBao/BMAD"
_BMAD_MASKS = (
    "{train/good/img, valid/{good,Ungood}/{img,label}, test/{good,Ungood}/{img,label}}/<name>.png; "
    "liver: {valid,test}/{img,label}/{good,Ungood}"
)
_BMAD_LABELS = "{train/good, valid/{good,Ungood}, test/{good,Ungood}}/<name>.png"

CARDS = (
    Card(
        "mvtec-ad",
        "MVTec AD",
        "15 kinds of objects and textures, 5354 photographs, 73 kinds of defects, pixel masks.",
        "CC BY-NC-SA 4.0",
        "https://www.mvtec.com/company/research/datasets/mvtec-ad",
        _MVTEC_TREE,
        "industrial",
    ),
    Card(
        "visa",
        "VisA",
        "12 kinds of objects (boards, several instances, roughly aligned), 10821 photographs, pixel masks.",
        "CC BY 4.0",
        "https://github.com/amazon-science/spot-diff",
        "{split_csv/1cls.csv, <category>/image_anno.csv, <category>/Data/Images/{Normal,Anomaly}/<name>.JPG, "
        f"<category>/Data/Masks/Anomaly/<name>.png}}, or as prepared by its authors: {_MVTEC_TREE}",
        "industrial",
    ),
    Card(
        "mpdd",
        "MPDD",
        "6 kinds of painted metal parts in changing poses and light, 1346 photographs, pixel masks.",
        "not stated",
        "https://github.com/stepanje/MPDD",
        _MVTEC_TREE,
        "industrial",
    ),
    Card(
        "btad",
        "BTAD",
        "3 industrial products (01, 02, 03), 2830 photographs, pixel masks.",
        "CC BY-NC-SA 4.0",
        "https://github.com/pankajmishra000/VT-ADL",
        "<01|02|03>/{train/ok, test/ok, test/ko, ground_truth/ko/<name>.png}",
        "industrial",
    ),
    Card(
        "elpv",
        "ELPV",
        "2624 solar cells in electroluminescence, mono- and polycrystalline, with a probability of defect; the "
        "1508 at 0 and the 715 at 1 are read, those in between left out. No masks, no split.",
        "CC BY-NC-SA 4.0",
        "https://github.com/zae-bayern/elpv-dataset",
        "{labels.csv (image probability type), images/cellNNNN.png}",
        "industrial",
    ),
    Card(
        "aitex",
        "AITEX AFID",
        "245 strips of 7 fabrics, 4096 x 256, 12 kinds of defects, pixel masks. No split.",
        "not stated",
        "https://www.aitex.es/afid/",
        "{Defect_images/<number>_<defect>_<fabric>.png, Mask_images/<same>_mask.png (or _mask1, _mask2), "
        "NODefect_images/<roll>/<number>_000_<fabric>.png}",
        "industrial",
    ),
    Card(
        "kolektor-sdd",
        "KolektorSDD",
        "399 surfaces of 50 commutators, 52 cracked, pixel masks; surfaces of one commutator belong together.",
        "CC BY-NC-SA 4.0",
        "https://www.vicos.si/resources/kolektorsdd/",
        "kos<NN>/{Part<M>.jpg, Part<M>_label.bmp}",
        "industrial",
    ),
    Card(
        "real-iad",
        "Real-IAD",
        "30 kinds of parts from 5 cameras each, 151050 photographs, 8 kinds of defects, pixel masks; the pictures "
        "of one part belong together.",
        "CC BY-NC-SA 4.0, on request",
        "https://realiad4ad.github.io/Real-IAD/",
        "{realiad_jsons/realiad_jsons/<category>.json, realiad_1024/<category>/{OK,NG}/.../<name>.jpg} "
        "(or realiad_512, realiad_256)",
        "industrial",
    ),
    Card(
        "mvtec-ac",
        "MVTec-AC",
        "MVTec AD with corrected kinds of defects: 36 pictures relabelled, kinds that overlap merged (VELM).",
        "as MVTec AD, CC BY-NC-SA 4.0",
        "https://arxiv.org/abs/2505.02626",
        _MVTEC_TREE,
        "industrial",
    ),
    Card(
        "visa-ac",
        "VisA-AC",
        "VisA's anomalous pictures, one kind of defect each, in one folder per kind (VELM).",
        "as VisA, CC BY 4.0",
        "https://arxiv.org/abs/2505.02626",
        _MVTEC_TREE,
        "industrial",
    ),
    Card(
        "mvtec-3d-ad",
        "MVTec 3D-AD",
        "10 kinds of objects, 4147 organised scans with a picture on the same grid, masks on that grid.",
        "CC BY-NC-SA 4.0",
        "https://www.mvtec.com/company/research/datasets/mvtec-3d-ad",
        "<category>/{train,validation,test}/<defect>/{xyz/NNN.tiff, rgb/NNN.png, gt/NNN.png}",
        "3d",
    ),
    Card(
        "eyecandies",
        "Eyecandies",
        "10 kinds of rendered sweets, 15500 samples under six lights with depth and normals; the picture under global "
        "light is read, the private test set, which has no ground truth, is not.",
        "CC BY-NC-SA 4.0",
        "https://eyecan-ai.github.io/eyecandies/",
        "<category>/{train,val,test_public}/data/{NNN_image_5.png, NNN_mask.png, NNN_metadata.yaml, NNN_depth.png}",
        "3d",
    ),
    Card(
        "real3d-ad",
        "Real3D-AD",
        "12 kinds of toys, 1254 high-resolution scans, one label per point; training scans are complete, test scans "
        "show one side.",
        "CC BY 4.0",
        "https://github.com/M-3LAB/Real3D-AD",
        "<category>/{train/<name>_template.pcd, test/<name>_<defect>.pcd, gt/<name>_<defect>.txt (x y z label)}",
        "3d",
    ),
    Card(
        "anomaly-shapenet",
        "Anomaly-ShapeNet",
        "40 (later 50) shapes, 1600 clouds with synthetic bulges, dents, holes, cracks, breaks, one label per point.",
        "CC BY 4.0",
        "https://github.com/Chopper-233/Anomaly-ShapeNet",
        "<category>/{train/<name>_template<n>.pcd, test/<name>_<defect><n>.pcd, "
        "GT/<name>_<defect><n>.txt (x,y,z,label)}",
        "3d",
    ),
    Card(
        "bmad-brain-mri",
        "BMAD brain MRI",
        "Slices of BraTS2021 FLAIR volumes, tumour masks, patient in the file name. Not the BrainMRI of Kaggle.",
        "as BraTS2021, research only",
        _BMAD,
        _BMAD_MASKS,
        "medical",
    ),
    Card(
        "bmad-liver-ct",
        "BMAD liver CT",
        "Liver slices, normal ones of BTCV, tumours of LiTS, tumour masks.",
        "as BTCV and LiTS (CC BY-NC-SA 4.0)",
        _BMAD,
        _BMAD_MASKS,
        "medical",
    ),
    Card(
        "bmad-retina-resc",
        "BMAD retinal OCT (RESC)",
        "OCT slices with retinal oedema, masks.",
        "not stated, research only",
        _BMAD,
        _BMAD_MASKS,
        "medical",
    ),
    Card(
        "bmad-retina-oct2017",
        "BMAD retinal OCT (OCT2017)",
        "OCT slices with choroidal neovascularisation, diabetic macular oedema or drusen; no masks.",
        "CC BY 4.0",
        _BMAD,
        _BMAD_LABELS,
        "medical",
    ),
    Card(
        "bmad-chest-xray",
        "BMAD chest X-ray",
        "Radiographs of the RSNA pneumonia challenge; no masks.",
        "as the RSNA challenge, research only",
        _BMAD,
        _BMAD_LABELS,
        "medical",
    ),
    Card(
        "bmad-histopathology",
        "BMAD histopathology",
        "Patches of Camelyon16 slides with and without metastasis; no masks.",
        "CC0",
        _BMAD,
        _BMAD_LABELS,
        "medical",
    ),
    Card(
        "brainmri",
        "BrainMRI (Kaggle)",
        "253 single slices, 155 with a tumour; no masks, no split, no patients. Not BMAD's brain MRI.",
        "not stated",
        "https://www.kaggle.com/datasets/navoneel/brain-mri-images-for-brain-tumor-detection",
        "{yes,no}/<name>.jpg",
        "medical",
    ),
    Card(
        "headct",
        "HeadCT (Kaggle)",
        "200 single slices, 100 with a haemorrhage; no masks, no split, no patients.",
        "not stated",
        "https://www.kaggle.com/datasets/felipekitamura/head-ct-hemorrhage",
        "{labels.csv (id, hemorrhage), head_ct/head_ct/NNN.png}",
        "medical",
    ),
    Card(
        "br35h",
        "Br35H (Kaggle)",
        "3000 single slices, half with a tumour; its files hold only 607 distinct pictures, and copies count as one "
        "patient here. No masks, no split.",
        "not stated",
        "https://www.kaggle.com/datasets/ahmedhamada0/brain-tumor-detection",
        "{yes/y<n>.jpg, no/no<n>.jpg}",
        "medical",
    ),
    Card(
        "mmad",
        "MMAD",
        "39672 multiple-choice questions about 8366 photographs of MVTec AD, MVTec LOCO, VisA and GoodsAD.",
        "CC BY-NC-SA 4.0 (pictures: as their sets)",
        "https://github.com/jam-cc/MMAD",
        "{mmad.json, DS-MVTec/<category>/image/..., MVTec-LOCO/..., VisA/..., GoodsAD/...}",
        "industrial",
        "questions",
    ),
    Card(
        "visa-dr",
        "VisA-D&R",
        "Open questions on detection and reasoning about VisA's photographs (Anomaly-OneVision).",
        "as VisA, CC BY 4.0",
        "https://github.com/honda-research-institute/Anomaly-OneVision",
        "{VisA/visa_dr.json, VisA/<category>/...}",
        "industrial",
        "questions",
    ),
    Card(
        "anomaly-instruct",
        "Anomaly-Instruct-125k",
        "125000 conversations about normal and anomalous things, industrial, medical, 3D and from the web, to tune a "
        "multimodal LLM with (Anomaly-OneVision).",
        "not stated, research only",
        "https://github.com/honda-research-institute/Anomaly-OneVision",
        "<name>.json, a list of {id, image, conversations: [{from, value}, ...]}, with the pictures it names beside",
        "industrial",
        "records",
    ),
)
