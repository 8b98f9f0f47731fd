// What the 64 bits of a segment say, for each of 16 positions: the operand's entry and its digits.
// Codes 0 and 4 come two cycles after their bits, each next one a cycle later.
module rce_decode (
  input  logic              clk_i,
  input  logic              clear_i,
  input  rce_pkg::segment_t control_i,
  input  logic [rce_pkg::ChoicesW-1:0] choices_i,  // [code mod 4], each when it is needed
  input  logic [63:0]       word_i,
  output logic [16*5-1:0]   entry_o,   // [code][position]
  output logic [16*2-1:0]   zero_o,    // [code][position][class]
  output logic [16*2-1:0]   double_o,  // the same
  output logic [15:0]       negate_o   // [code][position]
);
  logic [31:0] low, high;
  logic [23:0] pattern;
  rce_align u_align (
    .clk_i, .clear_i, .control_i, .word_i, .low_o(low), .high_o(high), .pattern_o(pattern)
  );

  localparam int unsigned ChoiceW = rce_pkg::ChoiceW;
  for (genvar i = 0; i < 4; i++) begin : gen_time
    logic [ChoiceW-1:0] choice;
    logic [2:0] base_q;  // its last field
    assign choice = choices_i[ChoiceW*i +: ChoiceW];
    always_ff @(posedge clk_i) base_q <= choice[2:0];
    for (genvar c = i; c < rce_pkg::Codes; c += 4) begin : gen_code
      rce_code u_code (
        .clk_i, .choice_i(choice), .base_i(base_q), .low_i(low[4*c +: 4]), .high_i(high[4*c +: 4]),
        .pattern_i(pattern[3*c +: 3]), .entry_o(entry_o[10*c +: 10]), .zero_o(zero_o[4*c +: 4]),
        .double_o(double_o[4*c +: 4]), .negate_o(negate_o[2*c +: 2])
      );
    end
  end
endmodule
