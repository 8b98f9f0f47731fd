// Second half of decoding, for one code: the entries and digits of its two positions.
module rce_code (
  input  logic             clk_i,
  input  rce_pkg::choice_t choice_i,
  input  logic [2:0]       base_i,    // choice_i's, a cycle later
  input  logic [3:0]       low_i,
  input  logic [3:0]       high_i,
  input  logic [2:0]       pattern_i,
  output logic [9:0]       entry_o,   // [position]
  output logic [3:0]       zero_o,    // [position][class]
  output logic [3:0]       double_o,  // the same
  output logic [1:0]       negate_o   // [position]
);
  rce_columns u_columns (
    .clk_i, .choice_i, .pattern_i, .low_o(entry_o[1:0]), .high_o(entry_o[6:5])
  );
  assign {entry_o[9:7], entry_o[4:2]} = {base_i, base_i};
  rce_digits u_low (
    .clk_i, .two_bit_i(choice_i.two_bit), .code_i(low_i), .zero_o(zero_o[1:0]),
    .double_o(double_o[1:0]), .negate_o(negate_o[0])
  );
  rce_digits u_high (
    .clk_i, .two_bit_i(choice_i.two_bit), .code_i(high_i), .zero_o(zero_o[3:2]),
    .double_o(double_o[3:2]), .negate_o(negate_o[1])
  );
endmodule
