// The reconfigurable computing engine (RCE): what says what a lane does with a beat, and how long
// that takes. See docs/reference/rtl-rce.md.
package rce_pkg;
  localparam int unsigned Segments = 8;    // of a beat, 64 bits each
  localparam int unsigned Codes = 8;       // places of a segment, two positions each
  localparam int unsigned Groups = 4;      // of 32 dimensions, in a beat of keys
  localparam int unsigned TermW = 9;       // an operand times a digit
  localparam int unsigned SumW = 12;       // of eight terms
  localparam int unsigned FactorW = 15;    // of a chunk of values
  localparam int unsigned MultiplierW = 12;
  localparam int unsigned CoefficientW = 8;
  localparam int unsigned QuerySumW = 13;
  localparam int unsigned ResultW = 32;
  localparam int unsigned DspW = 48;
  // Of the structures below.
  localparam int unsigned BeatW = 20;
  localparam int unsigned ResultBeatW = 14;
  localparam int unsigned ChoiceW = 8;
  localparam int unsigned ChoicesW = 4 * ChoiceW;  // of a segment, [code mod 4]
  localparam int unsigned SegmentW = 15;

  // How a beat is coded; the first four are accllm_pkg::weight_format_e.
  typedef enum logic [2:0] {
    ModeSparse24 = 3'd0,
    ModeDense2 = 3'd1,
    ModeDense4 = 3'd2,
    ModeDense8 = 3'd3,
    ModeKey = 3'd4,
    ModeValue = 3'd5
  } mode_e;

  typedef enum logic [1:0] {
    KindNone = 2'd0,         // nothing, or a beat that is not the engine's
    KindData = 2'd1,
    KindMultipliers = 2'd2,  // of the rows of a tile and block that follow
    KindUnload = 2'd3        // no beat: sums of values move one dimension down
  } kind_e;

  // What a lane does in a cycle.
  typedef struct packed {
    kind_e      kind;
    mode_e      mode;
    logic       half;   // the second cycle of a beat that takes two (dense2, dense8)
    logic [1:0] beat;   // of a row (dense4, dense8); 1 to 3 (unload)
    logic [2:0] row;    // of the tile
    logic [4:0] entry;  // of the operands; a multiple of 4 in linear modes
    logic       start;  // the sums of the row, or those of values, start with this
    logic       last;   // the sums of the tile, or those of values, are complete with this
    logic       split;  // keys of two tokens, 64 dimensions each
    logic       upper;  // sums of weights are those of the second half of the tokens
  } beat_t;

  // What came of it: a beat's control with its sums.
  typedef struct packed {
    kind_e      kind;
    mode_e      mode;
    logic [1:0] beat;
    logic [2:0] row;
    logic       start;
    logic       last;
    logic       split;
    logic       upper;
  } result_t;

  // Where the two lowest bits of position (c, 0)'s code are.
  typedef enum logic [1:0] {
    LowSparse24 = 2'd0,
    LowNibble = 2'd1,
    LowDense2Half1 = 2'd2,
    LowCarry = 2'd3  // from the low nibble of dense8 into the high one
  } low_e;

  // Where those of position (c, 1) are.
  typedef enum logic [1:0] {
    HighSparse24 = 2'd0,
    HighNibble = 2'd1,
    HighDense2Half0 = 2'd2,
    HighDense2Half1 = 2'd3
  } high_e;

  // What a position's code means.
  typedef enum logic [1:0] {
    FormatSparse24 = 2'd0,
    FormatDense2 = 2'd1,
    FormatSigned = 2'd2,
    FormatOffset = 2'd3
  } format_e;

  // Columns of a code's two positions: bit 0, where the pattern does not say it.
  typedef enum logic [1:0] {
    ColumnBothEven = 2'd0,
    ColumnBothOdd = 2'd1,
    ColumnEvenOdd = 2'd2,
    ColumnPattern = 2'd3
  } column_e;

  typedef enum logic [1:0] {
    MultiplierSparse24 = 2'd0,
    MultiplierDense = 2'd1,
    MultiplierDense16 = 2'd2,  // times 16
    MultiplierKey = 2'd3
  } multiplier_e;

  // What the codes of a segment's beat choose: the second half of decoding.
  typedef struct packed {
    logic       two_bit;  // sparse24 or dense2
    logic       pattern;  // columns are those of the code's pattern
    logic       upper;    // else: columns 2 and 3
    column_e    column;
    logic [2:0] base;
  } choice_t;

  // What a segment does with its part of a beat.
  typedef struct packed {
    low_e        low;
    high_e       high;
    logic        low_clear;  // all bits but the lowest
    logic        high_clear;
    format_e     format;
    multiplier_e multiplier;
    logic        multiplier_clear;
    logic        load;        // multipliers of 8 rows
    logic [2:0]  row;
  } segment_t;

  // Cycles. Segment 0 gets its word a cycle after the beat's control has come to the lane, each
  // other segment a cycle after the one before. From a segment's word to its sum:
  localparam int unsigned DecodeStages = 2;
  localparam int unsigned OperandStages = 1;
  localparam int unsigned HalfStages = 6;      // operands of a DSP, then sums of five
  localparam int unsigned MultiplyStages = 4;
  localparam int unsigned MultiplyDelay = DecodeStages + OperandStages + HalfStages;
  localparam int unsigned CascadeDelay = MultiplyDelay + 2;  // what the multiplier's DSP adds
  localparam int unsigned ZeroStages = 3;
  localparam int unsigned ZeroDelay = CascadeDelay - ZeroStages;
  localparam int unsigned SegmentStages = MultiplyDelay + MultiplyStages;
  // From control to sums at the lane's port.
  localparam int unsigned CombineStages = 2;
  localparam int unsigned LaneStages = 1 + SegmentStages + Segments - 1 + CombineStages;
endpackage
