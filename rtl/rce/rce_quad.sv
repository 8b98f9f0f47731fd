// Up to four neighbouring lanes, and what they share. Register by register a beat's control and the
// operands are the same in all lanes: one set of registers drives four of them.
//
// beat_i says what happens; segment j gets its word j + 1 cycles later, and group g of a key, which
// is of segments 2 g and 2 g + 1, its multiplier and coefficient when these need them. Factors come
// with beat_i. An entry that is written can be used by beats of the
// same cycle and of later ones; beats of the 13 cycles before must not use it. The first beat may
// come in the second cycle after the reset.
module rce_quad #(
  parameter int unsigned Lanes = 4,  // 1 to 4
  parameter int unsigned Slots = 4,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned OperandsW = 16 * Slots * 8,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned SumsW = Queries * rce_pkg::QuerySumW
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // The stream.
  input  rce_pkg::beat_t                   beat_i,
  input  logic [512*Lanes-1:0]             word_i,         // [lane][segment]
  // Operands: four buses, bus k to segments k and k + 4.
  input  logic [1:0]                       act_we_i,       // segments 0 to 3, 4 to 7
  input  logic [4:0]                       act_entry_i,
  input  logic [4*OperandsW-1:0]           act_i,          // [bus][code][position][slot]
  input  logic [4*SumsW-1:0]               query_sum_i,    // [group][query]: of these operands
  // Attention.
  input  logic [16*Lanes-1:0]              key_multiplier_i,  // [lane][group], 2 g + 1 cycles later
  input  logic [32*Lanes-1:0]              coefficient_i,  // a cycle later: multiplier * (8 - zero)
  input  logic [FactorsW-1:0]              factor_i,       // [query]
  // Products of keys and values.
  output rce_pkg::result_t                 result_o,       // LaneStages after beat_i
  output logic [Lanes*Queries*DspW-1:0]    product_o,      // [lane][query]
  output logic [Lanes*Queries*ResultW-1:0] lower_o,        // the same, of keys' first token of two
  // Sums of weights.
  output logic                             set_o,          // that is summed
  input  logic                             read_set_i,
  input  logic                             read_upper_i,
  input  logic [2:0]                       read_row_i,
  input  logic [SlotW-1:0]                 read_slot_i,
  output logic [Lanes*ResultW-1:0]         sum_o           // [lane], a cycle later
);
  localparam int unsigned Segments = rce_pkg::Segments;

  logic clear, combines;
  logic [1:0] we;
  logic [4:0] entry;
  logic [4*OperandsW-1:0] act;
  logic [4*SumsW-1:0] query_sum;
  logic [Segments*rce_pkg::SegmentW-1:0] segment;
  logic [Segments*rce_pkg::ChoicesW-1:0] choices;
  logic [Segments-1:0] cascade, feedback;
  logic [Segments*FactorsW-1:0] factor;
  logic [rce_pkg::Groups-1:0] no_key;
  logic [5*rce_pkg::Groups-1:0] key_entry;
  rce_shared #(.Slots(Slots)) u_shared (
    .clk_i, .rst_ni, .beat_i, .act_we_i, .act_entry_i, .act_i, .query_sum_i, .factor_i,
    .clear_o(clear), .we_o(we), .entry_o(entry), .act_o(act), .query_sum_o(query_sum),
    .segment_o(segment), .choices_o(choices), .cascade_o(cascade), .feedback_o(feedback),
    .factor_o(factor), .no_key_o(no_key), .key_entry_o(key_entry), .combines_o(combines),
    .result_o
  );

  logic [Lanes-1:0] sets;
  assign set_o = sets[0];
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    rce_lane #(.Slots(Slots)) u_lane (
      .clk_i, .clear_i(clear), .word_i(word_i[512*l +: 512]), .we_i(we), .entry_i(entry),
      .act_i(act), .query_sum_i(query_sum), .segment_i(segment), .choices_i(choices),
      .cascade_i(cascade), .feedback_i(feedback), .factor_i(factor), .no_key_i(no_key),
      .key_entry_i(key_entry), .combines_i(combines), .result_i(result_o),
      .key_multiplier_i(key_multiplier_i[16*l +: 16]), .coefficient_i(coefficient_i[32*l +: 32]),
      .product_o(product_o[Queries*DspW*l +: Queries*DspW]),
      .lower_o(lower_o[Queries*ResultW*l +: Queries*ResultW]), .set_o(sets[l]), .read_set_i,
      .read_upper_i, .read_row_i, .read_slot_i, .sum_o(sum_o[ResultW*l +: ResultW])
    );
  end

  logic unused;
  assign unused = ^sets;
endmodule
