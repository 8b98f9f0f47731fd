// a * b of 24 bits without sign, after four cycles: two DSP48E2. The first multiplies by the lower
// 17 bits of b, the second by the other 7, a cycle later, and adds the first's product, shifted by
// 17.
module fp_mul_mantissa (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [23:0] a_i,
  input  logic [23:0] b_i,
  output logic [47:0] product_o
);
  logic [47:0] cascade, low, high, unused_pcout;
  dsp_mul #(.AbRegisters(1)) u_low (
    .clk_i, .en_i, .a_i({3'd0, a_i}), .b_i({1'b0, b_i[16:0]}), .c_i(48'd0), .pcin_i(48'd0),
    .pcout_o(cascade), .p_o(low)
  );
  dsp_mul #(.AbRegisters(2), .Cascade(1'b1)) u_high (
    .clk_i, .en_i, .a_i({3'd0, a_i}), .b_i({11'd0, b_i[23:17]}), .c_i(48'd0), .pcin_i(cascade),
    .pcout_o(unused_pcout), .p_o(high)
  );

  logic [16:0] low_q;
  logic        unused_bits;
  always_ff @(posedge clk_i) begin
    if (en_i) low_q <= low[16:0];
  end
  assign product_o   = {high[30:0], low_q};
  assign unused_bits = ^{low[47:17], high[47:31]};
endmodule
