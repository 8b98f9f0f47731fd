// A lane of the reconfigurable computing engine: a beat a cycle times the operands of Slots tokens.
// Its control comes from rce_shared, each part when it is needed.
module rce_lane #(
  parameter int unsigned Slots = 4,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned SlotW = $clog2(Slots),
  localparam int unsigned Segments = rce_pkg::Segments,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned OperandsW = 16 * Slots * 8,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned SumsW = Queries * rce_pkg::QuerySumW,
  localparam int unsigned SegmentW = rce_pkg::SegmentW,
  localparam int unsigned ChoicesW = rce_pkg::ChoicesW
) (
  input  logic                         clk_i,
  input  logic                         clear_i,
  input  logic [511:0]                 word_i,            // [segment]
  // Operands: four buses, bus k to segments k and k + 4.
  input  logic [1:0]                   we_i,              // segments 0 to 3, 4 to 7
  input  logic [4:0]                   entry_i,
  input  logic [4*OperandsW-1:0]       act_i,             // [bus][code][position][slot]
  input  logic [4*SumsW-1:0]           query_sum_i,       // [group][query]
  // Control.
  input  logic [Segments*SegmentW-1:0] segment_i,
  input  logic [Segments*ChoicesW-1:0] choices_i,         // [segment][code mod 4]
  input  logic [Segments-1:0]          cascade_i,
  input  logic [Segments-1:0]          feedback_i,
  input  logic [Segments*FactorsW-1:0] factor_i,          // [segment][query]
  input  logic [Groups-1:0]            no_key_i,          // [group]
  input  logic [5*Groups-1:0]          key_entry_i,       // [group], a cycle later
  input  logic                         combines_i,
  input  rce_pkg::result_t             result_i,
  // Attention.
  input  logic [15:0]                  key_multiplier_i,  // [group]
  input  logic [31:0]                  coefficient_i,     // [group]
  // Products of keys and values, with result_i.
  output logic [Queries*DspW-1:0]      product_o,         // [query]
  output logic [Queries*ResultW-1:0]   lower_o,           // [query], of keys' first token of two
  // Sums of weights.
  output logic                         set_o,             // that is summed
  input  logic                         read_set_i,
  input  logic                         read_upper_i,
  input  logic [2:0]                   read_row_i,
  input  logic [SlotW-1:0]             read_slot_i,
  output logic [ResultW-1:0]           sum_o              // a cycle later
);
  localparam int unsigned CombineStages = rce_pkg::CombineStages;
  localparam int unsigned CoefficientW = rce_pkg::CoefficientW;

  logic [(Segments+1)*Slots*DspW-1:0] chain;  // [segment], and behind the last one
  logic [Segments*Slots*DspW-1:0] sum;
  assign chain[0 +: Slots*DspW] = '0;
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [CoefficientW-1:0] coefficient, coefficient_q;
    logic [Queries*DspW-1:0] zero_term;
    delay_data #(.Width(CoefficientW), .Stages(rce_pkg::ZeroDelay - 2)) u_coefficient (
      .clk_i, .en_i(1'b1), .data_i(coefficient_i[CoefficientW*g +: CoefficientW]),
      .data_o(coefficient)
    );
    always_ff @(posedge clk_i) coefficient_q <= no_key_i[g] ? '0 : coefficient;
    rce_zero_term #(.Queries(Queries)) u_zero_term (
      .clk_i, .we_i(we_i[g/2]), .waddr_i(entry_i), .query_sum_i(query_sum_i[SumsW*g +: SumsW]),
      .entry_i(key_entry_i[5*g +: 5]), .coefficient_i(coefficient_q), .zero_term_o(zero_term)
    );
    for (genvar k = 0; k < 2; k++) begin : gen_segment
      localparam int unsigned J = 2 * g + k;
      logic [3:0] key;
      delay_line #(.Width(4), .Stages(k)) u_key (
        .clk_i, .clear_i, .data_i(key_multiplier_i[4*g +: 4]), .data_o(key)
      );
      rce_segment #(.Slots(Slots), .IsOdd(k == 1)) u_segment (
        .clk_i, .clear_i, .control_i(segment_i[SegmentW*J +: SegmentW]),
        .choices_i(choices_i[ChoicesW*J +: ChoicesW]), .word_i(word_i[64*J +: 64]), .key_i(key),
        .we_i(we_i[J/4]), .waddr_i(entry_i), .wdata_i(act_i[OperandsW*(J%4) +: OperandsW]),
        .factor_i(factor_i[FactorsW*J +: FactorsW]), .zero_term_i(zero_term),
        .cascade_i(cascade_i[J]), .feedback_i(feedback_i[J]),
        .pcin_i(chain[Slots*DspW*J +: Slots*DspW]),
        .pcout_o(chain[Slots*DspW*(J+1) +: Slots*DspW]), .sum_o(sum[Slots*DspW*J +: Slots*DspW])
      );
    end
  end

  // Results. Those of a key's first token are ready when half the chain has passed.
  logic [Queries*DspW-1:0] lower;
  rce_combine #(.Slots(Slots)) u_combine (
    .clk_i, .two_digits_i(combines_i), .sum_i(sum[7*Slots*DspW +: Slots*DspW]),
    .result_o(product_o)
  );
  rce_combine #(.Slots(Slots)) u_combine_lower (
    .clk_i, .two_digits_i(1'b1), .sum_i(sum[3*Slots*DspW +: Slots*DspW]), .result_o(lower)
  );

  logic [Slots*ResultW-1:0] term;
  for (genvar t = 0; t < Queries; t++) begin : gen_query
    assign term[ResultW*t +: ResultW] = product_o[DspW*t +: ResultW];
    delay_line #(.Width(ResultW), .Stages(CombineStages)) u_term (
      .clk_i, .clear_i, .data_i(sum[DspW*(7*Slots+Queries+t) +: ResultW]),
      .data_o(term[ResultW*(Queries+t) +: ResultW])
    );
    delay_data #(.Width(ResultW), .Stages(4)) u_lower (
      .clk_i, .en_i(1'b1), .data_i(lower[DspW*t +: ResultW]),
      .data_o(lower_o[ResultW*t +: ResultW])
    );
  end
  rce_accumulate #(.Slots(Slots)) u_accumulate (
    .clk_i, .clear_i,
    .valid_i(result_i.kind == rce_pkg::KindData && !result_i.mode[2]), .row_i(result_i.row),
    .upper_i(result_i.upper), .start_i(result_i.start), .last_i(result_i.last), .term_i(term),
    .set_o, .set_i(read_set_i), .read_upper_i, .read_row_i, .read_slot_i, .sum_o
  );

  logic unused;
  assign unused = ^{chain[Segments*Slots*DspW +: Slots*DspW], sum, lower, result_i};
endmodule
