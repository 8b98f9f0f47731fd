// One DSP48E2 as P <= (A + D) * B + PCIN * cascade + (C or P * feedback), signed.
//
// D meets the A of one cycle before and the B of the same; the C, cascade and feedback of two
// cycles later; and the PCIN of three. P comes four cycles after D.
module dsp_preadd_mul #(
  parameter bit UseC = 1'b0  // C is added, and never P
) (
  input  logic               clk_i,
  input  logic signed [26:0] a_i,
  input  logic signed [26:0] d_i,
  input  logic signed [17:0] b_i,
  input  logic signed [47:0] c_i,
  input  logic               cascade_i,
  input  logic               feedback_i,
  input  logic signed [47:0] pcin_i,     // a neighbour's pcout_o and nothing else
  output logic signed [47:0] p_o,
  output logic signed [47:0] pcout_o
);
`ifdef ACCLLM_PRIMITIVES
  // X and Y = M, Z = PCIN or 0, W = C, or P or 0.
  logic [8:0] op_mode;
  assign op_mode = {UseC ? 2'b11 : {1'b0, feedback_i}, 2'b00, cascade_i, 4'b0101};
  DSP48E2 #(
    .AMULTSEL("AD"), .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"),
    .AREG(2), .ACASCREG(2), .BREG(2), .BCASCREG(2), .CREG(1), .DREG(1), .ADREG(1), .MREG(1),
    .PREG(1), .ALUMODEREG(0), .OPMODEREG(1), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A({{3{a_i[26]}}, a_i}), .B(b_i), .C(c_i), .D(d_i),
    .PCIN(pcin_i), .PCOUT(pcout_o), .P(p_o),
    .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0), .CARRYIN(1'b0),
    .ALUMODE(4'b0000), .CARRYINSEL(3'b000), .INMODE(5'b00100), .OPMODE(op_mode),
    .CEA1(1'b1), .CEA2(1'b1), .CEB1(1'b1), .CEB2(1'b1), .CEC(UseC), .CED(1'b1), .CEAD(1'b1),
    .CEM(1'b1), .CEP(1'b1), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b1), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
    .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic signed [26:0] a1_q, a2_q, d_q, ad_q;
  logic signed [17:0] b1_q, b2_q;
  logic signed [44:0] product_q;
  logic signed [47:0] w_q, w;  // what W is but for P
  logic cascade_q;
  always_ff @(posedge clk_i) begin
    a1_q <= a_i;
    a2_q <= a1_q;
    d_q <= d_i;
    ad_q <= a2_q + d_q;
    b1_q <= b_i;
    b2_q <= b1_q;
    product_q <= ad_q * b2_q;
    cascade_q <= cascade_i;
    w_q <= UseC ? c_i : feedback_i ? -48'sd1 : 48'sd0;
    p_o <= 48'(product_q) + (cascade_q ? pcin_i : 48'sd0) + w;
  end
  assign w = UseC ? w_q : w_q & p_o;
  assign pcout_o = p_o;
`endif
  logic unused;
  assign unused = UseC ? feedback_i : ^c_i;
endmodule
