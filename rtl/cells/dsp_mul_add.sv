// One DSP48E2 as a multiply-adder: P <= A * B + C + PCIN, signed.
//
// A and B have AbRegisters registers and the product another before the adder, C has CRegisters,
// and P has one. So A and B meet the C that comes AbRegisters + 1 - CRegisters cycles after them,
// and the PCIN of AbRegisters + 1 cycles later. PCIN is a neighbour's pcout_o and nothing else.
module dsp_mul_add #(
  parameter int unsigned AbRegisters = 1,  // 0 to 2
  parameter int unsigned CRegisters = 1,   // 0 or 1
  parameter bit UseC = 1'b1,
  parameter bit Cascade = 1'b0
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
  if (AbRegisters > 2 || CRegisters > 1) begin : gen_check_registers
    $error("a DSP has two registers for A and B, and one for C");
  end

`ifdef ACCLLM_PRIMITIVES
  // X and Y = M, Z = PCIN or 0, W = C or 0.
  localparam logic [8:0] OpMode = {UseC ? 2'b11 : 2'b00, Cascade ? 3'b001 : 3'b000, 4'b0101};
  logic [47:0] pcin;
  assign pcin = Cascade ? pcin_i : '0;
  DSP48E2 #(
    .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"),
    .AREG(AbRegisters), .ACASCREG(AbRegisters), .BREG(AbRegisters), .BCASCREG(AbRegisters),
    .CREG(CRegisters), .DREG(0), .ADREG(0), .MREG(1), .PREG(1),
    .ALUMODEREG(0), .OPMODEREG(0), .INMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0)
  ) u_dsp (
    .CLK(clk_i), .A({{3{a_i[26]}}, a_i}), .B(b_i), .C(c_i), .D(27'd0),
    .PCIN(pcin), .PCOUT(pcout_o), .P(p_o),
    .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0), .CARRYIN(1'b0),
    .ALUMODE(4'b0000), .CARRYINSEL(3'b000), .INMODE(5'b00000), .OPMODE(OpMode),
    .CEA1(en_i), .CEA2(en_i), .CEB1(en_i), .CEB2(en_i), .CEC(en_i), .CED(1'b0), .CEAD(1'b0),
    .CEM(en_i), .CEP(en_i), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0), .CEINMODE(1'b0),
    .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
    .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  logic signed [26:0] a;
  logic signed [17:0] b;
  logic signed [47:0] c;
  logic signed [44:0] product_q;
  dsp_operand #(.Width(27), .Registers(AbRegisters)) u_a (.clk_i, .en_i, .data_i(a_i), .data_o(a));
  dsp_operand #(.Width(18), .Registers(AbRegisters)) u_b (.clk_i, .en_i, .data_i(b_i), .data_o(b));
  dsp_operand #(.Width(48), .Registers(CRegisters)) u_c (.clk_i, .en_i, .data_i(c_i), .data_o(c));
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= a * b;
      p_o <= 48'(product_q) + (UseC ? c : 48'sd0) + (Cascade ? pcin_i : 48'sd0);
    end
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
