// One DSP48E2 as an adder: P <= AB + (3 * C or 0), two cycles later.
module dsp_add_triple (
  input  logic        clk_i,
  input  logic [47:0] ab_i,
  input  logic [47:0] c_i,
  input  logic        triple_i,
  output logic [47:0] p_o
);
`ifdef ACCLLM_PRIMITIVES
  // X = A:B; Y, Z and W = C, or 0.
  logic [8:0] op_mode;
  assign op_mode = triple_i ? 9'b11_011_11_11 : 9'b00_000_00_11;
  logic [47:0] unused;
  DSP48E2 #(
    .USE_MULT("NONE"), .USE_SIMD("ONE48"),
    .AREG(1), .ACASCREG(1), .BREG(1), .BCASCREG(1), .CREG(1), .DREG(0), .ADREG(0), .MREG(0),
    .PREG(1), .ALUMODEREG(0), .OPMODEREG(1), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A(ab_i[47:18]), .B(ab_i[17:0]), .C(c_i), .D(27'd0),
    .PCIN(48'd0), .PCOUT(unused), .P(p_o),
    .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0), .CARRYIN(1'b0),
    .ALUMODE(4'b0000), .CARRYINSEL(3'b000), .INMODE(5'b00000), .OPMODE(op_mode),
    .CEA1(1'b0), .CEA2(1'b1), .CEB1(1'b0), .CEB2(1'b1), .CEC(1'b1), .CED(1'b0), .CEAD(1'b0),
    .CEM(1'b0), .CEP(1'b1), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b1), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
    .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic [47:0] ab_q, c_q;
  logic triple_q;
  always_ff @(posedge clk_i) begin
    ab_q <= ab_i;
    c_q <= c_i;
    triple_q <= triple_i;
    p_o <= ab_q + (triple_q ? 48'd3 * c_q : 48'd0);
  end
`endif
endmodule
