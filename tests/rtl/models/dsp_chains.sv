// DSP cells with all kinds of operands, in two cascades: each p_o adds the one before.
module dsp_chains (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic [47:0]        ab_i,
  input  logic [47:0]        c_i,
  input  logic signed [26:0] a_i,
  input  logic signed [17:0] b_i,
  output logic [47:0]        add0_o, add1_o, add2_o, add3_o,
  output logic [47:0]        mul0_o, mul1_o, mul2_o, mul3_o
);
  logic [47:0] add0, add1, add2;
  dsp_add4x12 #(.AbRegisters(0), .UseC(1'b0)) u_add0 (
    .clk_i, .en_i, .ab_i, .c_i, .pcin_i('0), .p_o(add0_o), .pcout_o(add0)
  );
  dsp_add4x12 #(.Cascade(1'b1)) u_add1 (
    .clk_i, .en_i, .ab_i, .c_i, .pcin_i(add0), .p_o(add1_o), .pcout_o(add1)
  );
  dsp_add4x12 #(.AbRegisters(2), .CRegisters(0), .Cascade(1'b1)) u_add2 (
    .clk_i, .en_i, .ab_i, .c_i, .pcin_i(add1), .p_o(add2_o), .pcout_o(add2)
  );
  dsp_add4x12 #(.AbRegisters(2), .UseC(1'b0), .Cascade(1'b1)) u_add3 (
    .clk_i, .en_i, .ab_i, .c_i, .pcin_i(add2), .p_o(add3_o), .pcout_o()
  );

  logic [47:0] mul0, mul1, mul2;
  dsp_mul_add #(.AbRegisters(0), .UseC(1'b0)) u_mul0 (
    .clk_i, .en_i, .a_i, .b_i, .c_i, .pcin_i('0), .p_o(mul0_o), .pcout_o(mul0)
  );
  dsp_mul_add #(.Cascade(1'b1)) u_mul1 (
    .clk_i, .en_i, .a_i, .b_i, .c_i, .pcin_i(mul0), .p_o(mul1_o), .pcout_o(mul1)
  );
  dsp_mul_add #(.AbRegisters(2), .CRegisters(0), .Cascade(1'b1)) u_mul2 (
    .clk_i, .en_i, .a_i, .b_i, .c_i, .pcin_i(mul1), .p_o(mul2_o), .pcout_o(mul2)
  );
  dsp_mul_add #(.AbRegisters(2), .UseC(1'b0), .Cascade(1'b1)) u_mul3 (
    .clk_i, .en_i, .a_i, .b_i, .c_i, .pcin_i(mul2), .p_o(mul3_o), .pcout_o()
  );
endmodule
