// An eighth of a lane: 64 bits of a beat times the operands of their group, for all slots. The sum
// is multiplied and added to that of the segment before.
//
// Odd segments can add their own last result instead of starting anew; even ones add terms of zero
// points, for the first half of the slots.
module rce_segment #(
  parameter int unsigned Slots = 4,
  parameter bit IsOdd = 1'b0,
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW,
  localparam int unsigned DspW = rce_pkg::DspW
) (
  input  logic                       clk_i,
  input  logic                       clear_i,
  // A beat's part.
  input  rce_pkg::segment_t          control_i,
  input  logic [rce_pkg::ChoicesW-1:0] choices_i, // [code mod 4], each a cycle after the one before
  input  logic [63:0]                word_i,
  input  logic [3:0]                 key_i,       // multiplier of a key's group
  // Operands.
  input  logic                       we_i,
  input  logic [4:0]                 waddr_i,
  input  logic [16*Slots*8-1:0]      wdata_i,     // [code][position][slot]
  // Multiplication, at its own time.
  input  logic [FactorsW-1:0]        factor_i,    // [query]
  input  logic [Queries*DspW-1:0]    zero_term_i, // [query], of even segments
  input  logic                       cascade_i,
  input  logic                       feedback_i,
  input  logic [Slots*DspW-1:0]      pcin_i,      // [slot]
  output logic [Slots*DspW-1:0]      pcout_o,
  output logic [Slots*DspW-1:0]      sum_o
);
  /* verilator no_inline_module */  // a model has its code twice, not 8 times a lane
  localparam int unsigned TermsW = Slots * rce_pkg::TermW;
  localparam int unsigned SumW = rce_pkg::SumW;
  localparam int unsigned FactorW = rce_pkg::FactorW;

  // [code][position]: 16 terms for each slot.
  logic [16*5-1:0] entry;
  logic [16*2-1:0] zero, double;
  logic [15:0] negate;
  logic [16*TermsW-1:0] term;
  rce_decode u_decode (
    .clk_i, .clear_i, .control_i, .choices_i, .word_i, .entry_o(entry), .zero_o(zero),
    .double_o(double), .negate_o(negate)
  );
  rce_operand #(.Slots(Slots)) u_operand (
    .clk_i, .we_i, .waddr_i, .wdata_i, .entry_i(entry), .zero_i(zero), .double_i(double),
    .negate_i(negate), .term_o(term)
  );

  // Their sum, in two halves.
  logic [7:0] count;
  logic [Slots*SumW-1:0] half0, half1;
  rce_count u_count (.clk_i, .clear_i, .negate_i(negate), .count_o(count));
  rce_half_sum #(.Slots(Slots), .WithCount(1'b1)) u_half0 (
    .clk_i, .term_i(term[0 +: 8*TermsW]), .count_i(count), .sum_o(half0)
  );
  rce_half_sum #(.Slots(Slots)) u_half1 (
    .clk_i, .term_i(term[8*TermsW +: 8*TermsW]), .count_i(8'd0), .sum_o(half1)
  );

  // Times the multiplier. Half 1 is a cycle early, as it has no counts to add.
  logic [FactorsW-1:0] multiplier;
  rce_multiplier #(.Queries(Queries)) u_multiplier (
    .clk_i, .control_i, .word_i, .key_i, .factor_i, .multiplier_o(multiplier)
  );
  for (genvar t = 0; t < Slots; t++) begin : gen_slot
    localparam bit HasZeroTerm = !IsOdd && t < Queries;
    logic [47:0] zero_term;
    if (HasZeroTerm) begin : gen_zero_term
      assign zero_term = zero_term_i[DspW*t +: DspW];
    end else begin : gen_no_zero_term
      assign zero_term = '0;
    end
    dsp_preadd_mul #(.UseC(HasZeroTerm)) u_multiply (
      .clk_i, .a_i(27'($signed(half1[SumW*t +: SumW]))), .d_i(27'($signed(half0[SumW*t +: SumW]))),
      .b_i({3'd0, multiplier[t % Queries * FactorW +: FactorW]}), .c_i(zero_term), .cascade_i,
      .feedback_i(IsOdd && feedback_i), .pcin_i(pcin_i[DspW*t +: DspW]),
      .p_o(sum_o[DspW*t +: DspW]), .pcout_o(pcout_o[DspW*t +: DspW])
    );
  end

  if (IsOdd) begin : gen_odd
    logic unused;
    assign unused = ^zero_term_i;
  end else begin : gen_even
    logic unused;
    assign unused = feedback_i;
  end
endmodule
