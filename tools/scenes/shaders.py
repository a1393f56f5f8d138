"""GLSL: noise, procedural surfaces, lighting. Two steps: surfaces into buffers, then light for every pixel."""

# ruff: noqa: E501 (GLSL reads better in long lines)

from __future__ import annotations

NOISE = """
float hash1(vec3 p){ uvec3 q=uvec3(ivec3(floor(p)))*uvec3(1597334673u,3812015801u,2798796415u);
  uint n=(q.x^q.y^q.z)*1597334673u; n^=n>>15; n*=2246822519u; n^=n>>13; return float(n)*(1.0/4294967295.0); }
float vnoise(vec3 p){ vec3 i=floor(p), f=p-i; f=f*f*(3.0-2.0*f);
  return mix(mix(mix(hash1(i),hash1(i+vec3(1,0,0)),f.x),mix(hash1(i+vec3(0,1,0)),hash1(i+vec3(1,1,0)),f.x),f.y),
             mix(mix(hash1(i+vec3(0,0,1)),hash1(i+vec3(1,0,1)),f.x),mix(hash1(i+vec3(0,1,1)),hash1(i+vec3(1,1,1)),f.x),f.y),f.z); }
float fbm(vec3 p){ float a=0.5,s=0.0; for(int i=0;i<4;i++){ s+=a*vnoise(p); p=p*2.03+17.1; a*=0.5; } return s/0.9375; }
"""

SURFACE_VERTEX = """
#version 430
uniform mat4 vp; uniform vec3 eye;
in vec3 in_pos; in vec3 in_nrm; in vec3 in_rest; in vec3 in_col; in float in_mat;
out vec3 w; out vec3 n; out vec3 rest; out vec3 col; flat out float mat;
void main(){ w=in_pos; n=in_nrm; rest=in_rest; col=in_col; mat=in_mat; gl_Position=vp*vec4(in_pos,1); }
"""

SURFACE_FRAGMENT = (
    """
#version 430
uniform vec3 eye; uniform float inst; uniform float wet;
in vec3 w; in vec3 n; in vec3 rest; in vec3 col; flat in float mat;
layout(location=0) out vec4 o_albedo; layout(location=1) out vec4 o_normal; layout(location=2) out vec2 o_depth;
"""
    + NOISE
    + """
vec2 wall_uv(vec3 p, vec3 m){ return abs(m.z)>0.7 ? p.xy : (abs(m.x)>abs(m.y) ? p.yz : p.xz); }
void main(){
  vec3 m=normalize(n), v=normalize(eye-w), c=col, p=rest; float gloss=0.04; int k=int(mat+0.5);
  float d=length(eye-w); float fine=clamp(14.0/d,0.25,1.0);
  if(dot(m,v)<0.0 && (k==14||k==12)) m=-m;
  if(k==1){ vec3 q=p*vec3(9,9,6); float e=0.15;
    float a=fbm(q); vec3 g=vec3(fbm(q+vec3(e,0,0))-a,fbm(q+vec3(0,e,0))-a,fbm(q+vec3(0,0,e))-a)/e;
    m=normalize(m-0.42*g); c*=0.90+0.18*a; c*=0.94+0.12*vnoise(p*90.0); gloss=0.02; }
  else if(k==2){ c*=0.9+0.2*fbm(p*14.0); gloss=0.09;
    if(p.z>1.60&&p.z<1.66&&p.y>0.05) c*=0.72+0.28*smoothstep(0.0,0.02,abs(abs(p.x)-0.035)); }
  else if(k==3){ c*=0.6+0.8*vnoise(vec3(p.xy*70.0,p.z*12.0)); gloss=0.12; }
  else if(k==4){ float a=fbm(vec3(p.xy*0.45,3)), b=fbm(vec3(p.xy*2.3,9));
    c*=0.74+0.30*a+0.22*b; c*=1.0+fine*0.34*(vnoise(vec3(p.xy*46.0,1))-0.5)+fine*0.2*(vnoise(vec3(p.xy*19.0,1))-0.5);
    float cr=abs(fbm(vec3(p.xy*0.7,21))-0.5); c*=mix(0.74,1.0,smoothstep(0.0,0.004+0.0003*d,cr+0.03*smoothstep(0.45,0.6,a)));
    float st=fbm(vec3(p.xy*0.9,55)); c*=mix(1.0,0.62,smoothstep(0.66,0.78,st)); gloss=0.06+wet*0.5*smoothstep(0.4,0.6,b); }
  else if(k==5){ float a=fbm(vec3(p.xy*0.5,7)), b=fbm(vec3(p.xy*3.1,2)), g=vnoise(vec3(p.xy*vec2(38,26),5));
    c*=0.55+0.5*b+0.35*a; c=mix(c,vec3(0.26,0.21,0.10),smoothstep(0.52,0.78,a)*0.6);
    c*=1.0+fine*0.9*(g-0.5); c=mix(c,vec3(0.17,0.13,0.09),smoothstep(0.68,0.78,b*0.6+a*0.5)); gloss=0.0; }
  else if(k==6){ vec2 s=vec2(0.42,0.42); vec2 t=p.xy/s; float row=floor(t.y); t.x+=0.5*mod(row,2.0); vec2 f=fract(t), id=floor(t);
    float h=hash1(vec3(id,4)); c*=0.8+0.34*h; c*=0.80+0.40*fbm(vec3(p.xy*3.0,1)); c*=1.0+fine*0.24*(vnoise(vec3(p.xy*50.0,1))-0.5);
    float j=min(min(f.x,1.0-f.x),min(f.y,1.0-f.y)); c*=mix(0.50,1.0,smoothstep(0.0,0.03+0.004*d,j)+0.0);
    c*=mix(1.0,0.72,smoothstep(0.55,0.75,fbm(vec3(p.xy*0.5,13)))); gloss=0.05; }
  else if(k==7){ vec2 q=wall_uv(p,m); vec2 t=q/vec2(0.25,0.083); float row=floor(t.y); t.x+=0.5*mod(row,2.0);
    vec2 f=fract(t); float h=hash1(vec3(floor(t),2)); vec3 br=c*(0.62+0.72*h)*(0.85+0.3*vnoise(vec3(q*60.0,1)));
    br=mix(br,br.ggg*1.2,0.35*hash1(vec3(floor(t),9)));
    float j=min(min(f.x,1.0-f.x)*0.25,min(f.y,1.0-f.y)*0.083); float s=smoothstep(0.003,0.009+0.0006*d,j);
    c=mix(vec3(0.36,0.34,0.31),br,s); c*=0.72+0.45*fbm(vec3(q*1.1,31)); m=normalize(m+vec3(0,0,0.2)*(1.0-s)); }
  else if(k==8){ vec2 q=wall_uv(p,m); c*=0.84+0.22*fbm(vec3(q*0.9,8)); c*=1.0+fine*0.1*(vnoise(vec3(q*55.0,3))-0.5);
    float st=fbm(vec3(q.x*3.0,q.y*0.35,77)); c*=mix(1.0,0.78,smoothstep(0.55,0.8,st)); c*=mix(0.72,1.0,smoothstep(0.0,0.5,p.z)); }
  else if(k==9){ float g=fbm(vec3(p.xy*40.0,p.z*2.5)); c*=0.66+0.6*g; c*=0.85+0.3*vnoise(vec3(p*3.0)); gloss=0.04; }
  else if(k==10){ c*=0.88+0.2*fbm(p*5.0); gloss=0.25; }
  else if(k==11){ gloss=0.75; c*=0.96+0.06*fbm(p*4.0); c*=mix(0.55,1.0,smoothstep(0.15,0.5,p.z)); }
  else if(k==12){ gloss=0.95; }
  else if(k==13){ c*=0.8+0.4*vnoise(p*30.0); gloss=0.05; }
  else if(k==14){ c*=0.75+0.5*vnoise(p*7.0); gloss=0.03; }
  else if(k==15){ c*=0.70+0.5*fbm(p*1.7); c*=1.0+fine*0.2*(vnoise(p*44.0)-0.5); }
  else if(k==16){ vec2 t=vec2(p.x/0.22,length(p.yz)/0.3); vec2 f=fract(t); c*=0.7+0.5*hash1(vec3(floor(t),3));
    c*=0.6+0.4*smoothstep(0.0,0.25,f.y); c*=0.75+0.25*sin(f.x*3.14159); }
  float glow=k==17?1.0:0.0;
  o_albedo=vec4(c,gloss+2.0*glow); o_normal=vec4(m,inst); o_depth=vec2(d,inst);
}
"""
)

SHADOW_VERTEX = """
#version 430
uniform mat4 vp; in vec3 in_pos; void main(){ gl_Position=vp*vec4(in_pos,1); }
"""
SHADOW_FRAGMENT = """
#version 430
void main(){}
"""

MASK_FRAGMENT = """
#version 430
uniform float inst; out float o; void main(){ o=inst/255.0; }
"""

SCREEN_VERTEX = """
#version 430
in vec2 in_pos; out vec2 uv; void main(){ uv=in_pos*0.5+0.5; gl_Position=vec4(in_pos,0,1); }
"""

LIGHT_FRAGMENT = (
    """
#version 430
uniform sampler2D s_albedo, s_normal, s_depth, d_albedo, d_normal, d_depth;
uniform sampler2DShadow shadow;
uniform vec3 eye, ray0, ray_u, ray_v;
uniform mat4 light_vp; uniform float shadow_texel, shadow_soft, shadow_bias;
uniform vec3 sun_dir, sun_col, sky_top, sky_low, bounce;
uniform int lamps; uniform vec3 lamp_at[4]; uniform vec3 lamp_col[4]; uniform vec3 lamp_aim[4]; uniform float lamp_cos[4];
uniform int lamp_shadow; uniform float ir, cloud, haze, glow, focal; uniform vec2 size;
in vec2 uv; layout(location=0) out vec4 o;
"""
    + NOISE
    + """
const vec2 TAP[12]=vec2[12](vec2(-.326,-.406),vec2(-.840,-.074),vec2(-.696,.457),vec2(-.203,.621),vec2(.962,-.195),vec2(.473,-.480),
  vec2(.519,.767),vec2(.185,-.893),vec2(.507,.064),vec2(.896,.412),vec2(-.322,-.933),vec2(-.792,-.598));
vec3 sky(vec3 r){ float h=clamp(r.z,0.0,1.0); vec3 c=mix(sky_low,sky_top,pow(h,0.55));
  vec2 q=r.xy/(r.z+0.12); float f=fbm(vec3(q*1.3,4.0)); c=mix(c,sky_low*1.15,smoothstep(0.75-cloud,1.05-cloud*0.6,f)*0.85); return c; }
float depth_at(vec2 q){ return min(texture(s_depth,q).x,texture(d_depth,q).x); }
vec3 ray(vec2 q){ return ray0+q.x*ray_u+q.y*ray_v; }
float lit(vec3 p, vec3 nrm, float rnd){
  vec4 l=light_vp*vec4(p+nrm*shadow_bias*3.0,1); vec3 s=l.xyz/l.w*0.5+0.5;
  if(s.x<0.0||s.x>1.0||s.y<0.0||s.y>1.0||s.z>1.0||l.w<0.0) return 1.0;
  float a=rnd*6.2832, ca=cos(a), sa=sin(a), sum=0.0;
  for(int i=0;i<12;i++){ vec2 t=vec2(TAP[i].x*ca-TAP[i].y*sa,TAP[i].x*sa+TAP[i].y*ca)*shadow_soft;
    sum+=texture(shadow,vec3(s.xy+t,s.z-shadow_texel)); }
  return sum/12.0; }
void main(){
  vec2 sd=texture(s_depth,uv).xy, dd=texture(d_depth,uv).xy; bool dyn=dd.x<sd.x; float d=min(dd.x,sd.x);
  vec3 r=normalize(ray(uv)); float id=dyn?dd.y:0.0;
  if(d>9e3){ o=vec4(sky(r),id); return; }
  vec4 al=dyn?texture(d_albedo,uv):texture(s_albedo,uv); vec3 n=normalize((dyn?texture(d_normal,uv):texture(s_normal,uv)).xyz);
  vec3 p=eye+r*d, v=-r; float gloss=al.a;
  if(gloss>1.5){ o=vec4(al.rgb*glow,id); return; }
  float rnd=hash1(vec3(gl_FragCoord.xy,1.0));
  float occ=0.0; float rad=clamp(0.45*focal/d/size.x,0.004,0.09); float a0=rnd*6.2832;
  for(int i=0;i<10;i++){ float a=a0+float(i)*2.399963; float q=sqrt((float(i)+0.5)/10.0)*rad;
    vec2 s=uv+vec2(cos(a),sin(a)*size.x/size.y)*q; vec3 h=eye+normalize(ray(s))*depth_at(s)-p;
    float hh=dot(h,h); occ+=max(0.0,dot(h,n)-0.012*d*0.1)/(hh+0.03)*step(hh,1.2); }
  float ao=clamp(1.0-0.32*occ*0.45,0.12,1.0);
  float vis=lit(p,n,rnd);
  vec3 c=vec3(0); float ndl=max(dot(n,sun_dir),0.0); vec3 hv=normalize(sun_dir+v);
  float sv=lamp_shadow==1?1.0:vis;
  c+=al.rgb*sun_col*ndl*sv;
  float sp=pow(max(dot(n,hv),0.0),mix(12.0,500.0,gloss*gloss));
  c+=sun_col*sv*ndl*sp*gloss*mix(1.2,0.7,gloss);
  float up=n.z*0.5+0.5; vec3 amb=mix(bounce,mix(sky_low,sky_top,0.5),up);
  c+=al.rgb*amb*ao;
  float fr=pow(1.0-max(dot(n,v),0.0),4.0); vec3 rf=reflect(-v,n);
  vec3 env=rf.z>0.0?sky(normalize(vec3(rf.xy,rf.z+0.02))):bounce*0.8; c+=env*gloss*gloss*(0.12+0.8*fr)*ao;
  for(int i=0;i<lamps;i++){ vec3 l=lamp_at[i]-p; float q=dot(l,l); l*=inversesqrt(q);
    float cone=smoothstep(lamp_cos[i],mix(lamp_cos[i],1.0,0.35),dot(-l,lamp_aim[i])); float s=(i==0&&lamp_shadow==1)?vis:1.0;
    float dl=max(dot(n,l),0.0); vec3 h2=normalize(l+v);
    c+=(al.rgb*dl+gloss*dl*pow(max(dot(n,h2),0.0),mix(10.0,120.0,gloss)))*lamp_col[i]*cone*s/(q+0.5); }
  if(ir>0.0){ float f=max(dot(n,v),0.0); vec2 e=uv-0.5; float spot=exp(-dot(e,e)*4.5);
    c+=vec3(dot(al.rgb,vec3(0.45,0.35,0.2))*0.75+0.06)*(0.25+0.75*f)*ir*spot/(d*d*0.055+1.0)*ao; }
  float fog=1.0-exp(-d*haze); c=mix(c,sky_low*0.95,fog);
  o=vec4(c,id);
}
"""
)

RESOLVE_FRAGMENT = """
#version 430
uniform sampler2D hdr; uniform int ss; in vec2 uv; layout(location=0) out vec4 o;
void main(){ ivec2 b=ivec2(gl_FragCoord.xy)*ss; vec3 s=vec3(0); float id=0.0; float wsum=0.0;
  for(int y=0;y<ss;y++) for(int x=0;x<ss;x++){ vec4 t=texelFetch(hdr,b+ivec2(x,y),0); float k=1.0/(1.0+max(t.r,max(t.g,t.b)));
    s+=t.rgb*k; wsum+=k; id=max(id,t.a); }
  o=vec4(s/wsum,id); }
"""
