// A lane of the reconfigurable computing engine: a beat a cycle times the operands of Slots tokens.
//
// beat_i says what happens; segment j gets its word j + 1 cycles later, and group g of a key, which
// is of segments 2 g and 2 g + 1, its multiplier and coefficient when these need them. Factors come
// with beat_i. An entry that is written can be used by beats of the
// same cycle and of later ones; beats of the 13 cycles before must not use it. The first beat may
// come in the second cycle after the reset.
module rce_lane #(
  parameter int unsigned Slots = 4,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned OperandsW = 16 * Slots * 8,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned SumsW = Queries * rce_pkg::QuerySumW
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  // The stream.
  input  rce_pkg::beat_t             beat_i,
  input  logic [511:0]               word_i,         // [segment]
  // Operands: four buses, bus k to segments k and k + 4.
  input  logic [1:0]                 act_we_i,       // segments 0 to 3, 4 to 7
  input  logic [4:0]                 act_entry_i,
  input  logic [4*OperandsW-1:0]     act_i,          // [bus][code][position][slot]
  input  logic [4*SumsW-1:0]         query_sum_i,    // [group][query]: of these operands
  // Attention.
  input  logic [15:0]                key_multiplier_i,  // [group], group g's 2 g + 1 cycles later
  input  logic [31:0]                coefficient_i,  // a cycle later: multiplier * (8 - zero)
  input  logic [FactorsW-1:0]        factor_i,       // [query]
  // Products of keys and values.
  output rce_pkg::result_t           result_o,       // LaneStages after beat_i
  output logic [Queries*DspW-1:0]    product_o,      // [query]
  output logic [Queries*ResultW-1:0] lower_o,        // [query], of keys' first token of two
  // Sums of weights.
  output logic                       set_o,          // that is summed
  input  logic                       read_set_i,
  input  logic                       read_upper_i,
  input  logic [2:0]                 read_row_i,
  input  logic [SlotW-1:0]           read_slot_i,
  output logic [ResultW-1:0]         sum_o           // a cycle later
);
  localparam int unsigned Segments = rce_pkg::Segments;
  localparam int unsigned CombineStages = rce_pkg::CombineStages;
  localparam int unsigned BeforeCombine = rce_pkg::LaneStages - CombineStages;
  localparam int unsigned CoefficientW = rce_pkg::CoefficientW;
  localparam int unsigned ControlW = rce_pkg::SegmentW;
  localparam int unsigned ResultBeatW = rce_pkg::ResultBeatW;

  logic clear_q;
  always_ff @(posedge clk_i) clear_q <= !rst_ni;

  // What comes with a beat goes to where it is needed.
  logic is_data, no_value_q;
  logic [7:0] cascade, feedback;
  rce_pkg::result_t result, combined;
  logic two_digits, combines;
  logic [FactorsW-1:0] factor_q, gated_factor_q, factor;
  logic [4*6-1:0] entries;  // [group]: no key; its entry, ZeroDelay + 2 g cycles after beat_i
  assign is_data = beat_i.kind == rce_pkg::KindData;
  assign two_digits = beat_i.mode != rce_pkg::ModeSparse24;
  assign result = {beat_i.kind, beat_i.mode, beat_i.beat, beat_i.row, beat_i.start, beat_i.last,
                   beat_i.split, beat_i.upper};
  rce_chain u_chain (
    .clk_i, .clear_i(clear_q), .beat_i, .cascade_o(cascade), .feedback_o(feedback)
  );
  // Registers clear registers: what is not of this mode is 0.
  always_ff @(posedge clk_i) begin
    no_value_q <= !(is_data && beat_i.mode == rce_pkg::ModeValue);
    factor_q <= factor_i;
    gated_factor_q <= no_value_q ? '0 : factor_q;
  end
  delay_line #(.Width(6), .Stages(rce_pkg::ZeroDelay)) u_entry (
    .clk_i, .clear_i(clear_q),
    .data_i({!(is_data && beat_i.mode == rce_pkg::ModeKey), beat_i.entry}), .data_o(entries[0 +: 6])
  );
  delay_line #(.Width(FactorsW), .Stages(rce_pkg::MultiplyDelay - 1)) u_factor (
    .clk_i, .clear_i(clear_q), .data_i(gated_factor_q), .data_o(factor)
  );
  delay_line #(.Width(ResultBeatW + 1), .Stages(BeforeCombine)) u_result (
    .clk_i, .clear_i(clear_q), .data_i({two_digits, result}), .data_o({combines, combined})
  );
  delay_line #(.Width(ResultBeatW), .Stages(CombineStages)) u_combined (
    .clk_i, .clear_i(clear_q), .data_i(combined), .data_o(result_o)
  );

  // Operands.
  logic [1:0] we_q;
  logic [4:0] entry_q;
  logic [4*OperandsW-1:0] act_q;
  logic [4*SumsW-1:0] query_sum_q;
  always_ff @(posedge clk_i) begin
    we_q <= act_we_i;
    entry_q <= act_entry_i;
    act_q <= act_i;
    query_sum_q <= query_sum_i;
  end

  // [segment], and behind the last one.
  logic [(Segments+1)*ControlW-1:0] control;
  logic [(Segments+1)*FactorsW-1:0] factors;
  logic [(Segments+1)*Slots*DspW-1:0] chain;
  logic [Segments*Slots*DspW-1:0] sum;
  assign factors[0 +: FactorsW] = factor;
  assign chain[0 +: Slots*DspW] = '0;
  rce_control u_control (
    .clk_i, .beat_i, .segment_o(control[0 +: ControlW])
  );
  for (genvar g = 0; g < rce_pkg::Groups; g++) begin : gen_group
    logic [CoefficientW-1:0] coefficient, coefficient_q;
    logic [4:0] entry_now_q;
    logic [Queries*DspW-1:0] zero_term;
    if (g > 0) begin : gen_later
      delay_line #(.Width(6), .Stages(2)) u_entry (
        .clk_i, .clear_i(clear_q), .data_i(entries[6*(g-1) +: 6]), .data_o(entries[6*g +: 6])
      );
    end
    delay_line #(.Width(CoefficientW), .Stages(rce_pkg::ZeroDelay - 2)) u_coefficient (
      .clk_i, .clear_i(clear_q), .data_i(coefficient_i[CoefficientW*g +: CoefficientW]),
      .data_o(coefficient)
    );
    always_ff @(posedge clk_i) begin
      coefficient_q <= entries[6*g+5] ? '0 : coefficient;
      entry_now_q <= entries[6*g +: 5];
    end
    rce_zero_term #(.Queries(Queries)) u_zero_term (
      .clk_i, .we_i(we_q[g/2]), .waddr_i(entry_q), .query_sum_i(query_sum_q[SumsW*g +: SumsW]),
      .entry_i(entry_now_q), .coefficient_i(coefficient_q), .zero_term_o(zero_term)
    );
    for (genvar k = 0; k < 2; k++) begin : gen_segment
      localparam int unsigned J = 2 * g + k;
      logic [3:0] key;
      delay_line #(.Width(4), .Stages(k)) u_key (
        .clk_i, .clear_i(clear_q), .data_i(key_multiplier_i[4*g +: 4]), .data_o(key)
      );
      rce_segment #(.Slots(Slots), .IsOdd(k == 1)) u_segment (
        .clk_i, .clear_i(clear_q),
        .control_i(control[ControlW*J +: ControlW]),
        .control_o(control[ControlW*(J+1) +: ControlW]),
        .word_i(word_i[64*J +: 64]), .key_i(key),
        .we_i(we_q[J/4]), .waddr_i(entry_q), .wdata_i(act_q[OperandsW*(J%4) +: OperandsW]),
        .factor_i(factors[FactorsW*J +: FactorsW]),
        .factor_o(factors[FactorsW*(J+1) +: FactorsW]),
        .zero_term_i(zero_term), .cascade_i(cascade[J]), .feedback_i(feedback[J]),
        .pcin_i(chain[Slots*DspW*J +: Slots*DspW]),
        .pcout_o(chain[Slots*DspW*(J+1) +: Slots*DspW]), .sum_o(sum[Slots*DspW*J +: Slots*DspW])
      );
    end
  end

  // Results. Those of a key's first token are ready when half the chain has passed.
  logic [Queries*DspW-1:0] lower;
  rce_combine #(.Slots(Slots)) u_combine (
    .clk_i, .two_digits_i(combines), .sum_i(sum[7*Slots*DspW +: Slots*DspW]), .result_o(product_o)
  );
  rce_combine #(.Slots(Slots)) u_combine_lower (
    .clk_i, .two_digits_i(1'b1), .sum_i(sum[3*Slots*DspW +: Slots*DspW]), .result_o(lower)
  );

  logic [Slots*ResultW-1:0] term;
  for (genvar t = 0; t < Queries; t++) begin : gen_query
    assign term[ResultW*t +: ResultW] = product_o[DspW*t +: ResultW];
    delay_line #(.Width(ResultW), .Stages(CombineStages)) u_term (
      .clk_i, .clear_i(clear_q), .data_i(sum[DspW*(7*Slots+Queries+t) +: ResultW]),
      .data_o(term[ResultW*(Queries+t) +: ResultW])
    );
    delay_line #(.Width(ResultW), .Stages(4)) u_lower (
      .clk_i, .clear_i(clear_q), .data_i(lower[DspW*t +: ResultW]),
      .data_o(lower_o[ResultW*t +: ResultW])
    );
  end
  rce_accumulate #(.Slots(Slots)) u_accumulate (
    .clk_i, .clear_i(clear_q),
    .valid_i(result_o.kind == rce_pkg::KindData && !result_o.mode[2]), .row_i(result_o.row),
    .upper_i(result_o.upper), .start_i(result_o.start), .last_i(result_o.last), .term_i(term),
    .set_o, .set_i(read_set_i), .read_upper_i, .read_row_i, .read_slot_i, .sum_o
  );

  logic unused;
  assign unused = ^{control[Segments*ControlW +: ControlW],
                    factors[Segments*FactorsW +: FactorsW],
                    chain[Segments*Slots*DspW +: Slots*DspW], sum, lower};
endmodule
