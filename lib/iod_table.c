#include "iod_table.h"

/*
 * Which type an attribute has in which kind of object, after the modules of
 * PS3.3: for those attributes of which the rule depends on it.
 *
 * A letter for each kind:
 *	a CR, CT, MR
 *	b NM
 *	c US, US multi-frame
 *	d SC, SC multi-frame of single bit
 *	e SC multi-frame but single bit
 *	f XA, XRF
 *	g Enhanced XA, XRF, CT, MR, PET; MR spectroscopy, OPT
 *	h X-Ray 3D
 *	i DX, MG, intra-oral
 *	j PET
 *	k RT Image
 *	l RT Dose
 *	m RT Structure Set
 *	n RT treatment records
 *	o RT Plan, RT Ion Plan
 *	p RT Summary
 *	q VL but WSI; video
 *	r ophthalmic
 *	s WSI
 *	t PR
 *	u ECG, hemodynamic, EP, audio
 *	v SR, KO; but w, x
 *	w Comprehensive 3D SR
 *	x Procedure Log
 *	y Raw Data
 *	z spatial registration, fiducials, Real World Values
 *	A deformable registration
 *	B SEG
 *	C PDF, CDA
 */
/* clang-format off */
const struct iod_class iod_classes[] = {
	{ "1.2.840.10008.5.1.4.1.1.1", 'a' },
	{ "1.2.840.10008.5.1.4.1.1.1.1", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.1.1.1", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.1.2", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.1.2.1", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.1.3", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.1.3.1", 'i' },
	{ "1.2.840.10008.5.1.4.1.1.104.1", 'C' },
	{ "1.2.840.10008.5.1.4.1.1.104.2", 'C' },
	{ "1.2.840.10008.5.1.4.1.1.11.1", 't' },
	{ "1.2.840.10008.5.1.4.1.1.11.2", 't' },
	{ "1.2.840.10008.5.1.4.1.1.11.3", 't' },
	{ "1.2.840.10008.5.1.4.1.1.11.4", 't' },
	{ "1.2.840.10008.5.1.4.1.1.12.1", 'f' },
	{ "1.2.840.10008.5.1.4.1.1.12.1.1", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.12.2", 'f' },
	{ "1.2.840.10008.5.1.4.1.1.12.2.1", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.128", 'j' },
	{ "1.2.840.10008.5.1.4.1.1.13.1.1", 'h' },
	{ "1.2.840.10008.5.1.4.1.1.13.1.2", 'h' },
	{ "1.2.840.10008.5.1.4.1.1.130", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.2", 'a' },
	{ "1.2.840.10008.5.1.4.1.1.2.1", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.20", 'b' },
	{ "1.2.840.10008.5.1.4.1.1.3", 'c' },
	{ "1.2.840.10008.5.1.4.1.1.3.1", 'c' },
	{ "1.2.840.10008.5.1.4.1.1.4", 'a' },
	{ "1.2.840.10008.5.1.4.1.1.4.1", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.4.2", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.481.1", 'k' },
	{ "1.2.840.10008.5.1.4.1.1.481.2", 'l' },
	{ "1.2.840.10008.5.1.4.1.1.481.3", 'm' },
	{ "1.2.840.10008.5.1.4.1.1.481.4", 'n' },
	{ "1.2.840.10008.5.1.4.1.1.481.5", 'o' },
	{ "1.2.840.10008.5.1.4.1.1.481.6", 'n' },
	{ "1.2.840.10008.5.1.4.1.1.481.7", 'p' },
	{ "1.2.840.10008.5.1.4.1.1.481.8", 'o' },
	{ "1.2.840.10008.5.1.4.1.1.481.9", 'n' },
	{ "1.2.840.10008.5.1.4.1.1.6", 'c' },
	{ "1.2.840.10008.5.1.4.1.1.6.1", 'c' },
	{ "1.2.840.10008.5.1.4.1.1.66", 'y' },
	{ "1.2.840.10008.5.1.4.1.1.66.1", 'z' },
	{ "1.2.840.10008.5.1.4.1.1.66.2", 'z' },
	{ "1.2.840.10008.5.1.4.1.1.66.3", 'A' },
	{ "1.2.840.10008.5.1.4.1.1.66.4", 'B' },
	{ "1.2.840.10008.5.1.4.1.1.67", 'z' },
	{ "1.2.840.10008.5.1.4.1.1.7", 'd' },
	{ "1.2.840.10008.5.1.4.1.1.7.1", 'd' },
	{ "1.2.840.10008.5.1.4.1.1.7.2", 'e' },
	{ "1.2.840.10008.5.1.4.1.1.7.3", 'e' },
	{ "1.2.840.10008.5.1.4.1.1.7.4", 'e' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.1", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.1.1", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.2", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.2.1", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.3", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.4", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.4.1", 'q' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.5.1", 'r' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.5.2", 'r' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.5.4", 'g' },
	{ "1.2.840.10008.5.1.4.1.1.77.1.6", 's' },
	{ "1.2.840.10008.5.1.4.1.1.88.11", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.22", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.33", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.34", 'w' },
	{ "1.2.840.10008.5.1.4.1.1.88.40", 'x' },
	{ "1.2.840.10008.5.1.4.1.1.88.50", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.59", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.65", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.88.67", 'v' },
	{ "1.2.840.10008.5.1.4.1.1.9.1.1", 'u' },
	{ "1.2.840.10008.5.1.4.1.1.9.1.2", 'u' },
	{ "1.2.840.10008.5.1.4.1.1.9.1.3", 'u' },
	{ "1.2.840.10008.5.1.4.1.1.9.2.1", 'u' },
	{ "1.2.840.10008.5.1.4.1.1.9.3.1", 'u' },
	{ "1.2.840.10008.5.1.4.1.1.9.4.1", 'u' },
};

const size_t iod_class_count = sizeof iod_classes / sizeof *iod_classes;

/*
 * Of attributes at the top level: 1 (and 1C), 2 (and 2C), 3 (and not in it at
 * all), - not known.
 */
const struct iod_row iod_rows[] = {
	/*             abcdefghijklmnopqrstuvwxyzABC */
	{ 0x00080012, "33333333333333333333333333333" }, /* InstanceCreationDate */
	{ 0x00080013, "33333333333333333333333333333" }, /* InstanceCreationTime */
	{ 0x00080021, "33333333313333333333333333333" }, /* SeriesDate */
	{ 0x00080022, "33333333323333333333333333333" }, /* AcquisitionDate */
	{ 0x00080023, "22221211222233332113111111112" }, /* ContentDate */
	{ 0x0008002a, "33133313333333333113133333332" }, /* AcquisitionDateTime */
	{ 0x00080031, "33333333313333333333333333333" }, /* SeriesTime */
	{ 0x00080032, "33333333323333333333333333333" }, /* AcquisitionTime */
	{ 0x00080033, "22221211222233331113111111112" }, /* ContentTime */
	{ 0x00080080, "33333333333333333333333333333" }, /* InstitutionName */
	{ 0x00080082, "33333333333333333333333333333" }, /* InstitutionCodeSequence */
	{ 0x00081010, "33333333333333333333333333333" }, /* StationName */
	{ 0x00081070, "33333333332222233333333333333" }, /* OperatorsName */
	{ 0x00081072, "33333333333333333333333333333" }, /* OperatorIdentificationSequence */
	{ 0x00081110, "33333333333333333333333333333" }, /* ReferencedStudySequence */
	{ 0x00081111, "33333311133333333333322233313" }, /* ReferencedPerformedProcedureStepSequence */
	{ 0x00081140, "33333133333333331333333333333" }, /* ReferencedImageSequence */
	{ 0x00082112, "33333333333333333213333333333" }, /* SourceImageSequence */
	{ 0x00100020, "22222222222222222222222222222" }, /* PatientID */
	{ 0x00102203, "22222222222222222222222322222" }, /* PatientSexNeutered */
	{ 0x00180010, "23233233232333333333333333333" }, /* ContrastBolusAgent */
	{ 0x00181000, "33333311333333333313331333113" }, /* DeviceSerialNumber */
	{ 0x00181030, "33333333333333333333333333333" }, /* ProtocolName */
	{ 0x00181400, "33333333333333333333333333333" }, /* AcquisitionDeviceProcessingDescription */
	{ 0x0018700a, "33333333333333333333333333333" }, /* DetectorID */
	{ 0x0018700c, "33333333333333333333333333333" }, /* DateOfLastDetectorCalibration */
	{ 0x0018700e, "33333333333333333333333333333" }, /* TimeOfLastDetectorCalibration */
	{ 0x00189516, "-----------------------------" }, /* StartAcquisitionDateTime */
	{ 0x00189517, "-----------------------------" }, /* EndAcquisitionDateTime */
	{ 0x00189919, "-----------------------------" }, /* InstructionPerformedDateTime */
	{ 0x00321060, "33333333333333333333333333333" }, /* RequestedProcedureDescription */
	{ 0x00400555, "32333322223333332323233323333" }, /* AcquisitionContextSequence */
	{ 0x0040a032, "33333333333333333333311133333" }, /* ObservationDateTime */
	{ 0x0040b020, "33333333333333333333133333333" }, /* WaveformAnnotationSequence */
	{ 0x00700084, "33333333333333333332333332223" }, /* ContentCreatorName */
	{ 0x22000002, "------------------2----------" }, /* LabelText */
	{ 0x22000005, "------------------2----------" }, /* BarcodeValue */
	{ 0x30080054, "33333333333332323333333333333" }, /* FirstTreatmentDate */
	{ 0x30080056, "33333333333332323333333333333" }, /* MostRecentTreatmentDate */
	{ 0x30080105, "33333333333333333333333333333" }, /* SourceSerialNumber */
	{ 0x30080250, "33333333333332323333333333333" }, /* TreatmentDate */
	{ 0x30080251, "33333333333332323333333333333" }, /* TreatmentTime */
	{ 0x300a0006, "33333333333333233333333333333" }, /* RTPlanDate */
	{ 0x300a0007, "33333333333333233333333333333" }, /* RTPlanTime */
	{ 0x300a00b2, "33333333333333333333333333333" }, /* TreatmentMachineName */
	{ 0x300e0008, "33333333332323233333333333333" }, /* ReviewerName */
	{ 0x3010004c, "-----------------------------" }, /* IntendedPhaseStartDate */
	{ 0x3010004d, "-----------------------------" }, /* IntendedPhaseEndDate */
	{ 0x30100056, "-----------------------------" }, /* RTTreatmentApproachLabel */
	{ 0x30100077, "-----------------------------" }, /* TreatmentSite */
};

const size_t iod_row_count = sizeof iod_rows / sizeof *iod_rows;

/* Of attributes in items of a sequence, in every kind of object. */
const struct iod_nested iod_nested[] = {
	{ 0x00080096, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00080096, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00081049, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00081049, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00081052, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00081052, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00081062, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00081062, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00081072, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00081072, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00081115, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x00101002, 0x00100020, '1' }, /* PatientID */
	{ 0x00189506, 0x0008002a, '1' }, /* AcquisitionDateTime */
	{ 0x00189506, 0x00081010, '1' }, /* StationName */
	{ 0x00189506, 0x00081070, '1' }, /* OperatorsName */
	{ 0x00189506, 0x00081072, '1' }, /* OperatorIdentificationSequence */
	{ 0x00189506, 0x00181000, '1' }, /* DeviceSerialNumber */
	{ 0x00189506, 0x00181030, '1' }, /* ProtocolName */
	{ 0x00189506, 0x00181400, '1' }, /* AcquisitionDeviceProcessingDescription */
	{ 0x00189507, 0x0018700a, '3' }, /* DetectorID */
	{ 0x00189507, 0x0018700c, '3' }, /* DateOfLastDetectorCalibration */
	{ 0x00189507, 0x0018700e, '3' }, /* TimeOfLastDetectorCalibration */
	{ 0x0018a001, 0x00080080, '3' }, /* InstitutionName */
	{ 0x0018a001, 0x00081010, '3' }, /* StationName */
	{ 0x0018a001, 0x00181000, '3' }, /* DeviceSerialNumber */
	{ 0x00283110, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x00400275, 0x00081110, '3' }, /* ReferencedStudySequence */
	{ 0x00400275, 0x00321060, '3' }, /* RequestedProcedureDescription */
	{ 0x00409094, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x0040a078, 0x00080080, '2' }, /* InstitutionName */
	{ 0x0040a078, 0x00080082, '2' }, /* InstitutionCodeSequence */
	{ 0x0040a078, 0x00081010, '2' }, /* StationName */
	{ 0x0040a07a, 0x00080080, '2' }, /* InstitutionName */
	{ 0x0040a07a, 0x00080082, '2' }, /* InstitutionCodeSequence */
	{ 0x0040a07a, 0x00081010, '2' }, /* StationName */
	{ 0x0040a07c, 0x00080080, '2' }, /* InstitutionName */
	{ 0x0040a07c, 0x00080082, '2' }, /* InstitutionCodeSequence */
	{ 0x0040a370, 0x00081110, '2' }, /* ReferencedStudySequence */
	{ 0x0040a370, 0x00321060, '2' }, /* RequestedProcedureDescription */
	{ 0x0040a730, 0x0040a032, '1' }, /* ObservationDateTime */
	{ 0x00500010, 0x00181000, '3' }, /* DeviceSerialNumber */
	{ 0x00640002, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x00700001, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x0070005a, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x00700086, 0x00080080, '1' }, /* InstitutionName */
	{ 0x00700086, 0x00080082, '1' }, /* InstitutionCodeSequence */
	{ 0x00700308, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x00700318, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x0070031c, 0x00081140, '1' }, /* ReferencedImageSequence */
	{ 0x30080060, 0x00081070, '2' }, /* OperatorsName */
	{ 0x30080100, 0x30080105, '2' }, /* SourceSerialNumber */
	{ 0x30080240, 0x30080250, '2' }, /* TreatmentDate */
	{ 0x30080240, 0x30080251, '2' }, /* TreatmentTime */
	{ 0x300a00b0, 0x00080080, '3' }, /* InstitutionName */
	{ 0x300a00b0, 0x00181000, '3' }, /* DeviceSerialNumber */
	{ 0x300a00b0, 0x300a00b2, '2' }, /* TreatmentMachineName */
	{ 0x300a0206, 0x00080080, '2' }, /* InstitutionName */
	{ 0x300a0206, 0x00181000, '2' }, /* DeviceSerialNumber */
	{ 0x300a0206, 0x300a00b2, '2' }, /* TreatmentMachineName */
	{ 0x300a03a2, 0x00080080, '3' }, /* InstitutionName */
	{ 0x300a03a2, 0x00181000, '3' }, /* DeviceSerialNumber */
	{ 0x300a03a2, 0x300a00b2, '2' }, /* TreatmentMachineName */
};
/* clang-format on */

const size_t iod_nested_count = sizeof iod_nested / sizeof *iod_nested;
