// One DSP48E2 as a multiplier of signed numbers, with registers behind the operands (AbRegisters),
// the product and the sum. The sum is
//   A * B                     alone,
//   A * B + (PCIN >> 17)      with Cascade: PCIN comes from the neighbour's pcout_o,
//   C - A * B                 with FromC: C is a constant.
module dsp_mul #(
  parameter int unsigned AbRegisters = 1,  // 0 to 2
  parameter bit Cascade = 1'b0,
  parameter bit FromC = 1'b0
) (
  input  logic               clk_i,
  input  logic               en_i,
  input  logic signed [26:0] a_i,
  input  logic signed [17:0] b_i,
  input  logic signed [47:0] c_i,
  input  logic signed [47:0] pcin_i,
  output logic signed [47:0] p_o,
  output logic signed [47:0] pcout_o
);
  if (AbRegisters > 2) begin : gen_check_registers
    $error("a DSP has two registers for A and B");
  end
  if (Cascade && FromC) begin : gen_check_sum
    $error("choose Cascade or FromC");
  end

`ifdef ACCLLM_PRIMITIVES
  // X and Y = M; Z = PCIN >> 17, C or 0. ALUMODE 0011: Z - (X + Y).
  localparam logic [2:0] ZMode = Cascade ? 3'b101 : FromC ? 3'b011 : 3'b000;
  localparam logic [3:0] AluMode = FromC ? 4'b0011 : 4'b0000;
  DSP48E2 #(
    .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"),
    .AREG(AbRegisters), .ACASCREG(AbRegisters), .BREG(AbRegisters), .BCASCREG(AbRegisters),
    .ADREG(0), .CREG(0), .DREG(0), .MREG(1), .PREG(1), .ALUMODEREG(0), .OPMODEREG(0),
    .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A({{3{a_i[26]}}, a_i}), .B(b_i), .C(c_i), .D(27'd0), .PCIN(pcin_i),
    .PCOUT(pcout_o), .P(p_o), .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
    .CARRYIN(1'b0), .ALUMODE(AluMode), .CARRYINSEL(3'b000), .INMODE(5'b00000),
    .OPMODE({2'b00, ZMode, 4'b0101}),
    .CEA1(en_i), .CEA2(en_i), .CEB1(en_i), .CEB2(en_i), .CEM(en_i), .CEP(en_i),
    .CEAD(1'b0), .CEC(1'b0), .CED(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0),
    .CEINMODE(1'b0), .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0),
    .RSTC(1'b0), .RSTCTRL(1'b0), .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic signed [26:0] a;
  logic signed [17:0] b;
  logic signed [44:0] product_q;
  logic signed [47:0] product, base;
  dsp_operand #(.Width(27), .Registers(AbRegisters)) u_a (.clk_i, .en_i, .data_i(a_i), .data_o(a));
  dsp_operand #(.Width(18), .Registers(AbRegisters)) u_b (.clk_i, .en_i, .data_i(b_i), .data_o(b));
  assign product = 48'(product_q);
  assign base    = FromC ? c_i : Cascade ? pcin_i >>> 17 : 48'sd0;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= a * b;
      p_o       <= FromC ? base - product : base + product;
    end
  end
  assign pcout_o = p_o;
`endif
  if (!Cascade) begin : gen_no_cascade
    logic unused;
    assign unused = ^pcin_i;
  end
  if (!FromC) begin : gen_no_c
    logic unused;
    assign unused = ^c_i;
  end
endmodule
