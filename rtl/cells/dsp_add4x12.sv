// One DSP48E2 as four 12-bit adders side by side: in each field P <= AB + C + PCIN, modulo 2^12.
//
// AbRegisters and CRegisters delay the operands inside the DSP; P has a register always. PCIN comes
// from the neighbour's pcout_o and from nowhere else.
module dsp_add4x12 #(
  parameter int unsigned AbRegisters = 1,  // 0 to 2
  parameter int unsigned CRegisters = 1,   // 0 or 1
  parameter bit UseC = 1'b1,
  parameter bit Cascade = 1'b0
) (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [47:0] ab_i,
  input  logic [47:0] c_i,
  input  logic [47:0] pcin_i,
  output logic [47:0] p_o,
  output logic [47:0] pcout_o
);
  if (AbRegisters > 2 || CRegisters > 1) begin : gen_check_registers
    $error("a DSP has two registers for A and B, and one for C");
  end

`ifdef ACCLLM_PRIMITIVES
  // X = A:B, Y = C or 0, Z = PCIN or 0, W = 0.
  localparam logic [8:0] OpMode = {2'b00, Cascade ? 3'b001 : 3'b000, UseC ? 2'b11 : 2'b00, 2'b11};
  logic [47:0] pcin;
  assign pcin = Cascade ? pcin_i : '0;
  DSP48E2 #(
    .USE_MULT("NONE"), .USE_SIMD("FOUR12"),
    .AREG(AbRegisters), .ACASCREG(AbRegisters), .BREG(AbRegisters), .BCASCREG(AbRegisters),
    .CREG(CRegisters), .DREG(0), .ADREG(0), .MREG(0), .PREG(1),
    .ALUMODEREG(0), .OPMODEREG(0), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A(ab_i[47:18]), .B(ab_i[17:0]), .C(c_i), .D(27'd0),
    .PCIN(pcin), .PCOUT(pcout_o), .P(p_o),
    .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0), .CARRYIN(1'b0),
    .ALUMODE(4'b0000), .CARRYINSEL(3'b000), .INMODE(5'b00000), .OPMODE(OpMode),
    .CEA1(en_i), .CEA2(en_i), .CEB1(en_i), .CEB2(en_i), .CEC(en_i), .CED(1'b0), .CEAD(1'b0),
    .CEM(1'b0), .CEP(en_i), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
    .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic [47:0] ab, c, sum;
  dsp_operand #(.Width(48), .Registers(AbRegisters)) u_ab (
    .clk_i, .en_i, .data_i(ab_i), .data_o(ab)
  );
  dsp_operand #(.Width(48), .Registers(CRegisters)) u_c (.clk_i, .en_i, .data_i(c_i), .data_o(c));
  for (genvar i = 0; i < 4; i++) begin : gen_field
    assign sum[12*i +: 12] = ab[12*i +: 12] + (UseC ? c[12*i +: 12] : 12'd0)
                             + (Cascade ? pcin_i[12*i +: 12] : 12'd0);
  end
  always_ff @(posedge clk_i) begin
    if (en_i) p_o <= sum;
  end
  assign pcout_o = p_o;
`endif
  if (!UseC) begin : gen_no_c
    logic unused;
    assign unused = ^c_i;
  end
  if (!Cascade) begin : gen_no_cascade
    logic unused;
    assign unused = ^pcin_i;
  end
endmodule
