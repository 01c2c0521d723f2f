#include "srclean.h"

enum { X = DEID_X, D = DEID_D, XD = DEID_XD };

/*
 * PS3.15, Table E.3.4-1, edition 2026c: concepts of structured reports whose
 * content items identify.  How to read one:
 *
 *	code value, coding scheme, value type, what Clean Structured Content
 *	does, and what these options do instead:
 *	U retain UIDs, D retain device identity, I retain institution identity,
 *	C retain patient characteristics, F full dates, M modified dates,
 *	T clean descriptors
 *
 * In ascending order of code, scheme and type; srclean.c searches it by halves.
 */
/* clang-format off */
const struct srclean_row srclean_rows[] = {
	/*                                       UDICFMT */
	{ "109054", "DCM", "TEXT", X, "------C" }, /* Patient State */
	{ "109056", "DCM", "TEXT", X, "------C" }, /* Stress Protocol */
	{ "110119", "DCM", "TEXT", X, "-K-----" }, /* Station AE Title */
	{ "110180", "DCM", "UIDREF", D, "K------" }, /* Study Instance UID */
	{ "110190", "DCM", "TEXT", X, "-------" }, /* Issuer of Identifier */
	{ "111018", "DCM", "DATE", XD, "----KC-" }, /* Content Date */
	{ "111019", "DCM", "TIME", XD, "----KC-" }, /* Content Time */
	{ "111021", "DCM", "TEXT", X, "------C" }, /* Description of Change */
	{ "111033", "DCM", "TEXT", D, "------C" }, /* Impression Description */
	{ "111040", "DCM", "COMPOSITE", D, "K------" }, /* Original Source */
	{ "111054", "DCM", "DATE", XD, "----KC-" }, /* Recommended Follow-up Date */
	{ "111058", "DCM", "TEXT", D, "------C" }, /* Selected Region Description */
	{ "111060", "DCM", "DATE", XD, "----KC-" }, /* Study Date */
	{ "111061", "DCM", "TIME", XD, "----KC-" }, /* Study Time */
	{ "111469", "DCM", "DATETIME", D, "----KC-" }, /* Sampling DateTime */
	{ "111516", "DCM", "TEXT", X, "------C" }, /* Medication Type */
	{ "111526", "DCM", "DATETIME", XD, "----KC-" }, /* DateTime Started */
	{ "111527", "DCM", "DATETIME", X, "----KC-" }, /* DateTime Ended */
	{ "111535", "DCM", "DATETIME", X, "----KC-" }, /* DateTime problem observed */
	{ "111536", "DCM", "DATETIME", X, "----KC-" }, /* DateTime of last evaluation */
	{ "111700", "DCM", "TEXT", X, "-------" }, /* Specimen Container Identifier */
	{ "111702", "DCM", "DATETIME", X, "----KC-" }, /* DateTime of processing */
	{ "111703", "DCM", "TEXT", X, "------C" }, /* Processing step description */
	{ "111705", "DCM", "TEXT", D, "-------" }, /* Parent Specimen Identifier */
	{ "111706", "DCM", "TEXT", X, "-------" }, /* Issuer of Parent Specimen Identifier */
	{ "111724", "DCM", "TEXT", X, "-------" }, /* Issuer of Specimen Identifier */
	{ "112002", "DCM", "UIDREF", D, "K------" }, /* Series Instance UID */
	{ "112040", "DCM", "UIDREF", D, "K------" }, /* Tracking Unique Identifier */
	{ "112050", "DCM", "TEXT", X, "------C" }, /* Anatomic Identifier */
	{ "112227", "DCM", "UIDREF", XD, "K------" }, /* Frame of Reference UID */
	{ "112229", "DCM", "IMAGE", D, "K------" }, /* Identifying Segment */
	{ "112347", "DCM", "TEXT", D, "-------" }, /* Component ID */
	{ "112351", "DCM", "TEXT", D, "-------" }, /* Mating Feature Set ID */
	{ "112352", "DCM", "TEXT", D, "-------" }, /* Mating Feature ID */
	{ "112353", "DCM", "COMPOSITE", X, "K------" }, /* Spatial Registration */
	{ "112354", "DCM", "IMAGE", X, "K------" }, /* Patient Image */
	{ "112356", "DCM", "UIDREF", D, "K------" }, /* User Selected Fiducial */
	{ "112357", "DCM", "UIDREF", D, "K------" }, /* Derived Fiducial */
	{ "112359", "DCM", "COMPOSITE", X, "K------" }, /* Supporting Information */
	{ "112361", "DCM", "COMPOSITE", X, "K------" }, /* Patient Data Used During Planning */
	{ "112363", "DCM", "TEXT", D, "-------" }, /* Degree of Freedom ID */
	{ "112364", "DCM", "COMPOSITE", X, "K------" }, /* Related Patient Data Not Used During Planning */
	{ "112366", "DCM", "COMPOSITE", X, "K------" }, /* Implant Assembly Template */
	{ "112371", "DCM", "COMPOSITE", D, "K------" }, /* Manufacturer Implant Template */
	{ "112372", "DCM", "COMPOSITE", X, "K------" }, /* Derived Planning Images */
	{ "112373", "DCM", "COMPOSITE", X, "K------" }, /* Derived Planning Data */
	{ "113012", "DCM", "TEXT", X, "------C" }, /* Key Object Description */
	{ "11329-0", "LN", "TEXT", X, "------C" }, /* History */
	{ "113503", "DCM", "UIDREF", D, "K------" }, /* Radiopharmaceutical Administration Event UID */
	{ "113511", "DCM", "TEXT", X, "-------" }, /* Radiopharmaceutical Dispense Unit Identifier */
	{ "113512", "DCM", "TEXT", X, "-------" }, /* Radiopharmaceutical Lot Identifier */
	{ "113513", "DCM", "TEXT", X, "-------" }, /* Reagent Vial Identifier */
	{ "113514", "DCM", "TEXT", X, "-------" }, /* Radionuclide Identifier */
	{ "113516", "DCM", "TEXT", X, "-------" }, /* Prescription Identifier */
	{ "113552", "DCM", "TEXT", X, "------C" }, /* Recent Physical Activity */
	{ "113605", "DCM", "TEXT", X, "-------" }, /* Irradiation Event Label */
	{ "113701", "DCM", "COMPOSITE", X, "K------" }, /* X-Ray Radiation Dose Report */
	{ "113720", "DCM", "TEXT", X, "------C" }, /* Calibration Protocol */
	{ "113723", "DCM", "DATETIME", D, "----KC-" }, /* Calibration DateTime */
	{ "113724", "DCM", "TEXT", D, "------C" }, /* Calibration Responsible Party */
	{ "113769", "DCM", "UIDREF", D, "K------" }, /* Irradiation Event UID */
	{ "113795", "DCM", "IMAGE", D, "K------" }, /* Acquired Image */
	{ "113809", "DCM", "DATETIME", D, "----KC-" }, /* Start of X-Ray Irradiation */
	{ "113810", "DCM", "DATETIME", D, "----KC-" }, /* End of X-Ray Irradiation */
	{ "113815", "DCM", "TEXT", D, "------C" }, /* Patient Model */
	{ "113832", "DCM", "TEXT", D, "-K-----" }, /* Identification of the X-Ray Source */
	{ "113850", "DCM", "PNAME", D, "-------" }, /* Irradiation Authorizing */
	{ "113870", "DCM", "PNAME", D, "-------" }, /* Person Name */
	{ "113871", "DCM", "TEXT", X, "-------" }, /* Person ID */
	{ "113872", "DCM", "TEXT", X, "-------" }, /* Person ID Issuer */
	{ "113873", "DCM", "TEXT", X, "--K----" }, /* Organization Name */
	{ "113877", "DCM", "TEXT", X, "-K-----" }, /* Device Name */
	{ "113880", "DCM", "TEXT", XD, "-K-----" }, /* Device Serial Number */
	{ "113907", "DCM", "TEXT", X, "------C" }, /* Reason for Proceeding */
	{ "113985", "DCM", "UIDREF", D, "K------" }, /* Series or Instance used for Water Equivalent Diameter estimation */
	{ "116224001", "SCT", "TEXT", X, "------C" }, /* Complication of Procedure */
	{ "11778-8", "LN", "DATE", X, "----KC-" }, /* EDD */
	{ "11951-1", "LN", "TEXT", D, "-------" }, /* Fetus ID */
	{ "11955-2", "LN", "DATE", X, "----KC-" }, /* Date of last menstrual period */
	{ "120999", "DCM", "TEXT", X, "-K-----" }, /* Device Description */
	{ "121000", "DCM", "CONTAINER", X, "-K-----" }, /* Unique Device Identifiers */
	{ "121002", "DCM", "COMPOSITE", D, "K------" }, /* Quoted Source */
	{ "121008", "DCM", "PNAME", D, "-------" }, /* Person Observer Name */
	{ "121009", "DCM", "TEXT", X, "--K----" }, /* Person Observer's Organization Name */
	{ "121012", "DCM", "UIDREF", XD, "KK-----" }, /* Device Observer UID */
	{ "121013", "DCM", "TEXT", X, "-K-----" }, /* Device Observer Name */
	{ "121016", "DCM", "TEXT", X, "-K-----" }, /* Device Observer Serial Number */
	{ "121017", "DCM", "TEXT", X, "--K----" }, /* Device Observer Physical Location During Observation */
	{ "121018", "DCM", "UIDREF", X, "K------" }, /* Procedure Study Instance UID */
	{ "121019", "DCM", "UIDREF", X, "K------" }, /* Procedure Study Component UID */
	{ "121020", "DCM", "TEXT", X, "-------" }, /* Placer Number */
	{ "121021", "DCM", "TEXT", X, "-------" }, /* Filler Number */
	{ "121022", "DCM", "TEXT", X, "-------" }, /* Accession Number */
	{ "121028", "DCM", "UIDREF", X, "K------" }, /* Subject UID */
	{ "121029", "DCM", "PNAME", D, "-------" }, /* Subject Name */
	{ "121030", "DCM", "TEXT", XD, "-------" }, /* Subject ID */
	{ "121031", "DCM", "DATE", X, "-------" }, /* Subject Birth Date */
	{ "121032", "DCM", "CODE", X, "---K---" }, /* Subject Sex */
	{ "121033", "DCM", "NUM", X, "---K---" }, /* Subject Age */
	{ "121036", "DCM", "PNAME", X, "-------" }, /* Mother of fetus */
	{ "121039", "DCM", "UIDREF", X, "K------" }, /* Specimen UID */
	{ "121041", "DCM", "TEXT", X, "-------" }, /* Specimen Identifier */
	{ "121065", "DCM", "TEXT", XD, "------C" }, /* Procedure Description */
	{ "121071", "DCM", "TEXT", XD, "------C" }, /* Finding */
	{ "121075", "DCM", "TEXT", X, "------C" }, /* Recommendation */
	{ "121077", "DCM", "TEXT", X, "------C" }, /* Conclusion */
	{ "121080", "DCM", "IMAGE", X, "K------" }, /* Best illustration of finding */
	{ "121080", "DCM", "WAVEFORM", X, "K------" }, /* Best illustration of finding */
	{ "121088", "DCM", "PNAME", X, "-------" }, /* Fellow */
	{ "121106", "DCM", "TEXT", X, "------C" }, /* Comment */
	{ "121110", "DCM", "TEXT", X, "------C" }, /* Patient Presentation */
	{ "121111", "DCM", "TEXT", X, "------C" }, /* Summary */
	{ "121112", "DCM", "IMAGE", D, "K------" }, /* Source of Measurement */
	{ "121112", "DCM", "WAVEFORM", X, "K------" }, /* Source of Measurement */
	{ "121114", "DCM", "PNAME", D, "-------" }, /* Performing Physician */
	{ "121120", "DCM", "COMPOSITE", X, "K------" }, /* Cath Lab Procedure Log */
	{ "121121", "DCM", "TEXT", X, "-------" }, /* Room Identification */
	{ "121122", "DCM", "TEXT", X, "-K----C" }, /* Equipment Identification */
	{ "121124", "DCM", "TEXT", XD, "-------" }, /* Procedure Action ID */
	{ "121125", "DCM", "DATETIME", X, "----KC-" }, /* DateTime of Recording of Log Entry */
	{ "121126", "DCM", "UIDREF", D, "K------" }, /* Performed Procedure Step SOP Instance UID */
	{ "121138", "DCM", "IMAGE", D, "K------" }, /* Image Acquired */
	{ "121143", "DCM", "WAVEFORM", D, "K------" }, /* Waveform Acquired */
	{ "121145", "DCM", "TEXT", X, "------C" }, /* Description of Material */
	{ "121152", "DCM", "PNAME", X, "-------" }, /* Person administering drug/contrast */
	{ "121154", "DCM", "TEXT", D, "-------" }, /* Intervention attempt identifier */
	{ "121173", "DCM", "TEXT", X, "------C" }, /* Physician Note */
	{ "121191", "DCM", "IMAGE", XD, "K------" }, /* Referenced Segment */
	{ "121193", "DCM", "TEXT", D, "-K-----" }, /* Device Subject Name */
	{ "121196", "DCM", "TEXT", X, "-K-----" }, /* Device Subject Serial Number */
	{ "121197", "DCM", "TEXT", X, "--K----" }, /* Device Subject Physical Location during observation */
	{ "121198", "DCM", "UIDREF", X, "KK-----" }, /* Device Subject UID */
	{ "121200", "DCM", "IMAGE", X, "K------" }, /* Illustration of ROI */
	{ "121214", "DCM", "IMAGE", D, "K------" }, /* Referenced Segmentation Frame */
	{ "121232", "DCM", "UIDREF", D, "K------" }, /* Source series for segmentation */
	{ "121233", "DCM", "IMAGE", D, "K------" }, /* Source image for segmentation */
	{ "121342", "DCM", "IMAGE", X, "K------" }, /* Dose Image */
	{ "121431", "DCM", "DATETIME", X, "----KC-" }, /* DateTime Concern Noted */
	{ "121432", "DCM", "DATETIME", X, "----KC-" }, /* DateTime Concern Resolved */
	{ "121433", "DCM", "DATETIME", X, "----KC-" }, /* DateTime Problem Resolved */
	{ "121434", "DCM", "TEXT", X, "--K----" }, /* Service Delivery Location */
	{ "121435", "DCM", "PNAME", X, "-------" }, /* Service Performer */
	{ "121435", "DCM", "TEXT", X, "-------" }, /* Service Performer */
	{ "122073", "DCM", "COMPOSITE", X, "K------" }, /* Current procedure evidence */
	{ "122075", "DCM", "COMPOSITE", X, "K------" }, /* Prior report for current patient */
	{ "122081", "DCM", "DATETIME", X, "----KC-" }, /* Drug start */
	{ "122082", "DCM", "DATETIME", X, "----KC-" }, /* Drug end */
	{ "122083", "DCM", "TEXT", XD, "------C" }, /* Drug administered */
	{ "122105", "DCM", "DATETIME", X, "----KC-" }, /* DateTime of Intervention */
	{ "122128", "DCM", "TEXT", X, "--K----" }, /* Patient Transferred From */
	{ "122146", "DCM", "DATETIME", XD, "----KC-" }, /* Procedure DateTime */
	{ "122163", "DCM", "DATETIME", X, "----KC-" }, /* Discharge DateTime */
	{ "122165", "DCM", "DATETIME", X, "----KC-" }, /* DateTime of Death */
	{ "122173", "DCM", "DATETIME", X, "----KC-" }, /* ST Elevation Onset DateTime */
	{ "122177", "DCM", "TEXT", X, "------C" }, /* Procedure Result */
	{ "122701", "DCM", "DATETIME", X, "----KC-" }, /* Procedure Time Base */
	{ "122712", "DCM", "DATETIME", D, "----KC-" }, /* Imaging Start DateTime */
	{ "123003", "DCM", "DATETIME", XD, "----KC-" }, /* Radiopharmaceutical Start DateTime */
	{ "123004", "DCM", "DATETIME", X, "----KC-" }, /* Radiopharmaceutical Stop DateTime */
	{ "125010", "DCM", "TEXT", X, "-------" }, /* Identifier */
	{ "125201", "DCM", "IMAGE", X, "K------" }, /* Illustration of Finding */
	{ "125203", "DCM", "TEXT", X, "------C" }, /* Acquisition Protocol */
	{ "126070", "DCM", "TEXT", X, "------C" }, /* Subject Time Point Identifier */
	{ "126071", "DCM", "TEXT", X, "------C" }, /* Protocol Time Point Identifier */
	{ "126100", "DCM", "COMPOSITE", X, "K------" }, /* Real World Value Map used for measurement */
	{ "126201", "DCM", "DATE", X, "----KC-" }, /* Acquisition Date */
	{ "126202", "DCM", "TIME", X, "----KC-" }, /* Acquisition Time */
	{ "127857", "DCM", "DATE", D, "----KC-" }, /* Glucose Measurement Date */
	{ "127858", "DCM", "TIME", D, "----KC-" }, /* Glucose Measurement Time */
	{ "128230", "DCM", "TEXT", X, "------C" }, /* Pulse Sequence Name */
	{ "128403", "DCM", "TEXT", D, "------C" }, /* Radiation Dose Estimate Name */
	{ "128414", "DCM", "COMPOSITE", D, "K------" }, /* Radiation Dose Representation Data */
	{ "128414", "DCM", "IMAGE", D, "K------" }, /* Radiation Dose Representation Data */
	{ "128416", "DCM", "COMPOSITE", D, "K------" }, /* SR Instance Used */
	{ "128425", "DCM", "COMPOSITE", X, "K------" }, /* Patient Radiation Dose Model Data */
	{ "128425", "DCM", "IMAGE", X, "K------" }, /* Patient Radiation Dose Model Data */
	{ "128425", "DCM", "UIDREF", X, "K------" }, /* Patient Radiation Dose Model Data */
	{ "128426", "DCM", "TEXT", X, "------C" }, /* Patient Radiation Dose Model Reference */
	{ "128429", "DCM", "UIDREF", D, "K------" }, /* Event UID Used */
	{ "128436", "DCM", "COMPOSITE", D, "K------" }, /* Radiation Dose Composite Parameters */
	{ "128444", "DCM", "COMPOSITE", D, "K------" }, /* Spatial Registration Reference */
	{ "128447", "DCM", "COMPOSITE", X, "K------" }, /* Spatial Fiducials */
	{ "128470", "DCM", "COMPOSITE", X, "K------" }, /* X-Ray Attenuator Model Data */
	{ "128470", "DCM", "IMAGE", X, "K------" }, /* X-Ray Attenuator Model Data */
	{ "128470", "DCM", "UIDREF", X, "K------" }, /* X-Ray Attenuator Model Data */
	{ "128774", "DCM", "TEXT", X, "-------" }, /* Person Observer's Login Name */
	{ "128775", "DCM", "TEXT", X, "-------" }, /* Identifier within Person Observer's Role */
	{ "130507", "DCM", "TEXT", X, "------C" }, /* RDSR Frame of Reference Description */
	{ "130527", "DCM", "TEXT", D, "--K----" }, /* Identification of the Attenuator */
	{ "130884", "DCM", "DATETIME", X, "----KC-" }, /* Acquisition DateTime */
	{ "130885", "DCM", "UIDREF", X, "K------" }, /* Synchronization Frame of Reference UID */
	{ "131561", "DCM", "DATE", X, "----KC-" }, /* Series Date */
	{ "131562", "DCM", "TIME", X, "----KC-" }, /* Series Time */
	{ "131563", "DCM", "TEXT", X, "------C" }, /* Series Description */
	{ "15", "NCDR [2.0b]", "DATETIME", X, "----KC-" }, /* Admission DateTime */
	{ "160476009", "SCT", "TEXT", X, "------C" }, /* Social History */
	{ "18118-0", "LN", "TEXT", X, "------C" }, /* LV Wall Motion Segmental Findings */
	{ "18785-6", "LN", "TEXT", D, "------C" }, /* Indications for Procedure */
	{ "271921002", "SCT", "TEXT", XD, "------C" }, /* ECG Finding */
	{ "363698007", "SCT", "TEXT", D, "------C" }, /* Finding Site */
	{ "371524004", "SCT", "COMPOSITE", X, "K------" }, /* Clinical Report */
	{ "371524004", "SCT", "TEXT", X, "------C" }, /* Clinical Report */
	{ "397898000", "SCT", "DATETIME", D, "----KC-" }, /* Stop DateTime */
	{ "398164008", "SCT", "DATETIME", X, "----KC-" }, /* Anesthesia Finish Time */
	{ "398201009", "SCT", "DATETIME", D, "----KC-" }, /* Start DateTime */
	{ "398325003", "SCT", "DATETIME", X, "----KC-" }, /* Anesthesia Start Time */
	{ "440252007", "SCT", "TEXT", D, "------C" }, /* Administration of radiopharmaceutical */
	{ "52", "NCDR [2.0b]", "DATETIME", D, "----KC-" }, /* Procedure DateTime */
	{ "53", "NCDR [2.0b]", "TEXT", X, "-------" }, /* Procedure Number in this admission */
	{ "74711-3", "LN", "TEXT", X, "-K-----" }, /* Unique Device Identifier */
	{ "76", "NCDR [2.0b]", "PNAME", D, "-------" }, /* Catheterization Operator */
	{ "C2348792", "UMLS", "TEXT", XD, "------C" }, /* Time Point */
	{ "C54627", "NCIt", "NUM", X, "-------" }, /* Experience */
	{ "C67447", "NCIt", "TEXT", X, "------C" }, /* Activity Session */
};
/* clang-format on */
const size_t srclean_row_count = sizeof srclean_rows / sizeof *srclean_rows;
